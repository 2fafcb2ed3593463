#include "common/filter/parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/filter/filter.h"
#include "common/filter/lexer.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

constexpr std::size_t kMaxWarnings = 8;

bool IsKeyword(const Token& token) {
  return token.kind == TokenKind::kAnd || token.kind == TokenKind::kOr || token.kind == TokenKind::kNot;
}

bool IsText(const Token& token) { return token.kind == TokenKind::kWord || token.kind == TokenKind::kString; }

// `child` becomes a part of `parent`, or dissolves in it when both are of one kind.
void Adopt(Expression& parent, Expression child) {
  if (child.kind != parent.kind) {
    parent.children.push_back(std::move(child));
    return;
  }
  for (Expression& grandchild : child.children) parent.children.push_back(std::move(grandchild));
}

Expression Joined(Expression::Kind kind, std::vector<Expression> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  Expression joined;
  joined.kind = kind;
  for (Expression& part : parts) Adopt(joined, std::move(part));
  return joined;
}

class Parser {
 public:
  Parser(absl::string_view source, const std::vector<Token>& tokens) : source_(source), tokens_(tokens) {}

  absl::StatusOr<SyntaxTree> Run() {
    SyntaxTree tree;
    if (Here().kind == TokenKind::kEnd) return tree;
    PERENNIAL_ASSIGN_OR_RETURN(tree.root, ParseExpression());
    if (Here().kind != TokenKind::kEnd) return Unexpected("the end of the filter, AND, OR or another term");
    tree.warnings = std::move(warnings_);
    return tree;
  }

 private:
  [[nodiscard]] const Token& Here() const { return tokens_[at_]; }
  // The token after the present one; the last token is its own successor.
  [[nodiscard]] const Token& Ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool TakeIf(TokenKind kind) {
    if (Here().kind != kind) return false;
    Take();
    return true;
  }

  [[nodiscard]] absl::Status Error(std::size_t offset, absl::string_view problem, absl::string_view hint = "") const {
    return ErrorAt(source_, offset, problem, hint);
  }
  [[nodiscard]] absl::Status Unexpected(absl::string_view wanted, absl::string_view hint = "") const {
    const Token& token = Here();
    const std::string found = token.kind == TokenKind::kEnd
                                  ? std::string("the filter ends")
                                  : absl::StrCat("found ", Shown(source_.substr(token.begin, token.end - token.begin)));
    return Error(token.begin, absl::StrCat("expected ", wanted, ", but ", found), hint);
  }

  absl::Status Enter(std::size_t offset) {
    if (++depth_ <= kMaxDepth) return absl::OkStatus();
    return Error(offset, absl::StrCat("is nested too deep: more than ", kMaxDepth, " levels"));
  }

  [[nodiscard]] bool AtTerm() const {
    const TokenKind kind = Here().kind;
    return IsText(Here()) || kind == TokenKind::kNot || kind == TokenKind::kMinus || kind == TokenKind::kOpen;
  }

  // expression: sequence {AND sequence}. As all of it is AND, factors of sequences stand in one row.
  absl::StatusOr<Expression> ParseExpression() {
    std::vector<Expression> factors;
    std::optional<std::size_t> first_or;
    while (true) {
      std::optional<std::size_t> or_offset;
      PERENNIAL_ASSIGN_OR_RETURN(Expression factor, ParseFactor(or_offset));
      factors.push_back(std::move(factor));
      if (!first_or.has_value()) first_or = or_offset;
      if (TakeIf(TokenKind::kAnd)) continue;
      if (!AtTerm()) break;
      if (!Here().space_before && Here().kind != TokenKind::kOpen && tokens_[at_ - 1].kind != TokenKind::kClose) {
        return Unexpected("a space");
      }
    }
    if (factors.size() > 1 && first_or.has_value() && warnings_.size() < kMaxWarnings) {
      warnings_.push_back(absl::StrCat("AND and OR are mixed without parentheses at ", PositionOf(source_, *first_or),
                                       "; OR binds tighter: a AND b OR c means a AND (b OR c)"));
    }
    return Joined(Expression::Kind::kAnd, std::move(factors));
  }

  // factor: term {OR term}.
  absl::StatusOr<Expression> ParseFactor(std::optional<std::size_t>& or_offset) {
    std::vector<Expression> terms;
    do {
      PERENNIAL_ASSIGN_OR_RETURN(Expression term, ParseTerm());
      terms.push_back(std::move(term));
      if (Here().kind == TokenKind::kOr && !or_offset.has_value()) or_offset = Here().begin;
    } while (TakeIf(TokenKind::kOr));
    return Joined(Expression::Kind::kOr, std::move(terms));
  }

  // term: [NOT | "-"] simple. More than one negation is allowed too.
  absl::StatusOr<Expression> ParseTerm() {
    const bool negative_number = in_argument_ && AtNegativeNumber();
    if (negative_number || (Here().kind != TokenKind::kNot && Here().kind != TokenKind::kMinus)) return ParseSimple();
    PERENNIAL_RETURN_IF_ERROR(Enter(Here().begin));
    Take();
    Expression negation;
    negation.kind = Expression::Kind::kNot;
    PERENNIAL_ASSIGN_OR_RETURN(Expression operand, ParseTerm());
    negation.children.push_back(std::move(operand));
    --depth_;
    return negation;
  }

  absl::StatusOr<Expression> ParseSimple() {
    if (Here().kind == TokenKind::kOpen) return ParseComposite();
    if (!IsText(Here()) && !(in_argument_ && AtNegativeNumber())) {
      return Unexpected("a fact, a function or (", IsKeyword(Here()) ? "quote the text to search for it" : "");
    }
    return ParseRestriction();
  }

  absl::StatusOr<Expression> ParseComposite() {
    PERENNIAL_RETURN_IF_ERROR(Enter(Here().begin));
    const std::size_t open = Take().begin;
    PERENNIAL_ASSIGN_OR_RETURN(Expression inside, ParseExpression());
    if (!TakeIf(TokenKind::kClose)) return Unexpected(absl::StrCat(") for the ( at ", PositionOf(source_, open)));
    --depth_;
    return inside;
  }

  absl::StatusOr<Expression> ParseRestriction() {
    if (++terms_ > kMaxTerms) return Error(Here().begin, absl::StrCat("has more than ", kMaxTerms, " comparisons"));
    Expression restriction;
    PERENNIAL_ASSIGN_OR_RETURN(restriction.left, ParseValue());
    if (Here().kind != TokenKind::kComparator) return restriction;
    restriction.comparator = Here().comparator;
    restriction.comparator_offset = Take().begin;
    if (in_argument_) {
      return Error(restriction.comparator_offset, "expected values between the parentheses, not a comparison");
    }
    if (Here().kind == TokenKind::kOpen) return ParseCompositeArgument(std::move(restriction));
    PERENNIAL_ASSIGN_OR_RETURN(restriction.right, ParseArgument(NameOf(*restriction.comparator)));
    return restriction;
  }

  // `fact = (a OR b)` means `fact = a OR fact = b`.
  absl::StatusOr<Expression> ParseCompositeArgument(Expression restriction) {
    if (*restriction.comparator == Comparator::kNotEqual) {
      return Error(restriction.comparator_offset, "!= with several values is ambiguous",
                   absl::StrCat("write NOT ", restriction.left.text, " = (...)"));
    }
    --terms_;
    in_argument_ = true;
    PERENNIAL_ASSIGN_OR_RETURN(Expression values, ParseComposite());
    in_argument_ = false;
    Distribute(restriction, values);
    return values;
  }

  static void Distribute(const Expression& restriction, Expression& values) {
    if (values.kind != Expression::Kind::kRestriction) {
      for (Expression& child : values.children) Distribute(restriction, child);
      return;
    }
    values.right = std::move(values.left);
    values.left = restriction.left;
    values.comparator = restriction.comparator;
    values.comparator_offset = restriction.comparator_offset;
  }

  // A minus right before a digit.
  [[nodiscard]] bool AtNegativeNumber() const {
    const Token& next = Ahead();
    return Here().kind == TokenKind::kMinus && next.kind == TokenKind::kWord && !next.space_before &&
           absl::ascii_isdigit(static_cast<unsigned char>(next.text.front()));
  }

  absl::StatusOr<Value> ParseArgument(absl::string_view before) {
    if (IsKeyword(Here())) {
      return Unexpected(absl::StrCat("a value after '", before, "'"), "quote the text if it is meant as a value");
    }
    if (!IsText(Here()) && !AtNegativeNumber()) return Unexpected(absl::StrCat("a value after '", before, "'"));
    return ParseValue();
  }

  // value {DOT field}, or a call of a function of that name.
  absl::StatusOr<Value> ParseValue() {
    const bool negative = AtNegativeNumber();
    const std::size_t offset = Here().begin;
    if (negative) Take();
    const Token& first = Take();
    Value value{.form = first.kind == TokenKind::kString ? Value::Form::kString : Value::Form::kWord,
                .text = absl::StrCat(negative ? "-" : "", first.text),
                .star_front = first.star_front,
                .star_back = first.star_back,
                .stars = first.stars,
                .offset = offset};
    while (Here().kind == TokenKind::kDot) {
      const bool joined = !Here().space_before && !Ahead().space_before && (IsText(Ahead()) || IsKeyword(Ahead()));
      if (!joined) return Error(Here().begin, "expected a name before and after '.', without spaces");
      Take();
      const Token& field = Take();
      absl::StrAppend(&value.text, ".", field.text);
      value.star_back = field.star_back;
      value.stars += field.stars;
      value.form = Value::Form::kWord;
    }
    if (Here().kind == TokenKind::kOpen && !Here().space_before && value.form == Value::Form::kWord) {
      PERENNIAL_RETURN_IF_ERROR(ParseCall(value));
    }
    return value;
  }

  absl::Status ParseCall(Value& call) {
    PERENNIAL_RETURN_IF_ERROR(Enter(Here().begin));
    const std::size_t open = Take().begin;
    call.form = Value::Form::kCall;
    if (!TakeIf(TokenKind::kClose)) {
      absl::string_view before = "(";
      do {
        PERENNIAL_ASSIGN_OR_RETURN(Value argument, ParseArgument(before));
        call.arguments.push_back(std::move(argument));
        before = ",";
      } while (TakeIf(TokenKind::kComma));
      if (!TakeIf(TokenKind::kClose)) return Unexpected(absl::StrCat(") for the ( at ", PositionOf(source_, open)));
    }
    --depth_;
    return absl::OkStatus();
  }

  const absl::string_view source_;
  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int terms_ = 0;
  bool in_argument_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace

absl::StatusOr<SyntaxTree> Parse(absl::string_view source) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Token> tokens, Tokenize(source));
  return Parser(source, tokens).Run();
}

}  // namespace perennial::filter
