#include "common/filter/lexer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/filter/filter.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20 && !IsSpace(c)) || c == 0x7F; }

// Whether `word` is "dddd-dd-ddT" and something: then colons belong to it.
bool StartsLikeTimestamp(absl::string_view word) {
  constexpr absl::string_view kShape = "dddd-dd-ddT";
  if (word.size() < kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'd' ? !absl::ascii_isdigit(word[i]) : absl::ascii_toupper(word[i]) != kShape[i]) return false;
  }
  return true;
}

class Lexer {
 public:
  explicit Lexer(absl::string_view source) : source_(source) {}

  absl::StatusOr<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    do {
      Token token;
      PERENNIAL_RETURN_IF_ERROR(Next(token));
      tokens.push_back(std::move(token));
    } while (tokens.back().kind != TokenKind::kEnd);
    return tokens;
  }

 private:
  [[nodiscard]] char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  absl::Status Next(Token& token) {
    const std::size_t before = at_;
    while (IsSpace(Peek())) ++at_;
    token.begin = at_;
    token.space_before = at_ > before || at_ == 0;
    if (at_ == source_.size()) {
      token.end = at_;
      return absl::OkStatus();
    }
    const char c = Peek();
    absl::Status status;
    if (c == '"' || c == '\'') {
      status = ReadString(token);
    } else if (IsWordCharacter(c) && c != '-') {
      ReadWord(token);
    } else {
      status = ReadSymbol(token);
    }
    token.end = at_;
    return status;
  }

  // A word that starts with a digit takes points, and a timestamp takes colons: they are numbers and times, not names.
  void ReadWord(Token& token) {
    const bool number = absl::ascii_isdigit(Peek());
    while (at_ < source_.size()) {
      const char c = Peek();
      const bool joins =
          number && (c == '.' || (c == ':' && StartsLikeTimestamp(source_.substr(token.begin, at_ - token.begin)))) &&
          IsWordCharacter(Peek(1));
      if (!IsWordCharacter(c) && !joins) break;
      ++at_;
    }
    token.kind = TokenKind::kWord;
    token.text = std::string(source_.substr(token.begin, at_ - token.begin));
    token.star_front = token.text.front() == '*';
    token.star_back = token.text.back() == '*';
    token.stars = static_cast<int>(std::count(token.text.begin(), token.text.end(), '*'));
    if (token.text == "AND") token.kind = TokenKind::kAnd;
    if (token.text == "OR") token.kind = TokenKind::kOr;
    if (token.text == "NOT") token.kind = TokenKind::kNot;
  }

  absl::Status ReadString(Token& token) {
    const char quote = Peek();
    token.kind = TokenKind::kString;
    for (++at_; Peek() != quote; ++at_) {
      if (at_ >= source_.size()) return ErrorAt(source_, token.begin, "a quoted text starts and never ends");
      char c = Peek();
      const bool escaped = c == '\\';
      if (escaped) {
        ++at_;
        PERENNIAL_RETURN_IF_ERROR(ReadEscape(c));
      }
      token.star_back = c == '*' && !escaped;
      if (token.star_back) ++token.stars;
      if (token.text.empty()) token.star_front = token.star_back;
      token.text.push_back(c);
    }
    ++at_;
    return absl::OkStatus();
  }

  absl::Status ReadEscape(char& c) {
    switch (Peek()) {
      case '\\':
      case '"':
      case '\'':
      case '*': c = Peek(); return absl::OkStatus();
      case 'n': c = '\n'; return absl::OkStatus();
      case 'r': c = '\r'; return absl::OkStatus();
      case 't': c = '\t'; return absl::OkStatus();
      default:
        return ErrorAt(source_, at_ - 1, "unknown escape in a quoted text",
                       R"(use \\ \" \' \* \n \r \t, and \\ for a backslash itself)");
    }
  }

  absl::Status ReadSymbol(Token& token) {
    const char c = source_[at_++];
    token.kind = TokenKind::kComparator;
    switch (c) {
      case '(': token.kind = TokenKind::kOpen; return absl::OkStatus();
      case ')': token.kind = TokenKind::kClose; return absl::OkStatus();
      case ',': token.kind = TokenKind::kComma; return absl::OkStatus();
      case '.': token.kind = TokenKind::kDot; return absl::OkStatus();
      case '-': token.kind = TokenKind::kMinus; return absl::OkStatus();
      case ':': token.comparator = Comparator::kHas; return absl::OkStatus();
      case '=':
        if (Peek() == '=') return ErrorAt(source_, token.begin, "unexpected '=='", "equality is a single =");
        token.comparator = Comparator::kEqual;
        return absl::OkStatus();
      case '<': token.comparator = TakeEqual() ? Comparator::kLessEqual : Comparator::kLess; return absl::OkStatus();
      case '>':
        token.comparator = TakeEqual() ? Comparator::kGreaterEqual : Comparator::kGreater;
        return absl::OkStatus();
      case '!':
        if (!TakeEqual()) return ErrorAt(source_, token.begin, "unexpected '!'", "write NOT, or != for unequal");
        token.comparator = Comparator::kNotEqual;
        return absl::OkStatus();
      default: return Unexpected(token.begin, c);
    }
  }

  bool TakeEqual() {
    if (Peek() != '=') return false;
    ++at_;
    return true;
  }

  [[nodiscard]] absl::Status Unexpected(std::size_t offset, char c) const {
    if (c == '&' || c == '|') {
      return ErrorAt(source_, offset, absl::StrCat("unexpected '", std::string(1, c), "'"), "write AND and OR");
    }
    return ErrorAt(source_, offset, absl::StrCat("unexpected '", std::string(1, c), "'"), "quote text that has it");
  }

  const absl::string_view source_;
  std::size_t at_ = 0;
};

}  // namespace

const char* NameOf(Comparator comparator) {
  switch (comparator) {
    case Comparator::kEqual: return "=";
    case Comparator::kNotEqual: return "!=";
    case Comparator::kLess: return "<";
    case Comparator::kLessEqual: return "<=";
    case Comparator::kGreater: return ">";
    case Comparator::kGreaterEqual: return ">=";
    case Comparator::kHas: return ":";
  }
  return "?";
}

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80 ||
         (c != '\0' && absl::string_view("_-*+/@#$%~").find(c) != absl::string_view::npos);
}

absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view source) {
  if (source.size() > kMaxLength) {
    return absl::InvalidArgumentError(absl::StrCat("is too long: ", source.size(), " bytes where ", kMaxLength,
                                                   " are allowed; it must end at ", PositionOf(source, kMaxLength)));
  }
  if (const auto invalid = FirstInvalidUtf8(source)) return ErrorAt(source, *invalid, "text that is not UTF-8");
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (IsControl(source[i])) {
      return ErrorAt(
          source, i,
          absl::StrCat("control character 0x", absl::Hex(static_cast<unsigned char>(source[i]), absl::kZeroPad2)));
    }
  }
  return Lexer(source).Run();
}

}  // namespace perennial::filter
