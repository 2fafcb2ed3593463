#include "common/filter/checker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/nearest.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/filter/literals.h"
#include "common/filter/name_hints.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

using facts::FactDefinition;
using facts::FactId;
using facts::FactType;

constexpr std::size_t kMaxWarnings = 16;
constexpr double kMaxDaysAgo = 36525;
constexpr std::size_t kShortestMisspelling = 4;

bool IsCall(const Value& value) { return value.form == Value::Form::kCall; }

// Whether a value is the `*` of a presence test.
bool IsStar(const Value& value) { return !IsCall(value) && value.text == "*" && value.star_front; }

bool IsOrder(Comparator comparator) {
  return comparator != Comparator::kEqual && comparator != Comparator::kNotEqual && comparator != Comparator::kHas;
}

class Checker {
 public:
  Checker(absl::string_view source, const facts::FactCatalogue& catalogue, const CompileOptions& options)
      : source_(source), catalogue_(catalogue), options_(options) {}

  absl::StatusOr<Program> Run(SyntaxTree tree) {
    program_.warnings = std::move(tree.warnings);
    if (tree.root.has_value()) {
      PERENNIAL_RETURN_IF_ERROR(CheckExpression(*tree.root));
    } else {
      Emit({.kind = NodeKind::kEverything});
    }
    Finish();
    return std::move(program_);
  }

 private:
  [[nodiscard]] absl::Status Error(std::size_t offset, absl::string_view problem, absl::string_view hint = "") const {
    return ErrorAt(source_, offset, problem, hint);
  }

  void Warn(std::size_t offset, absl::string_view problem, absl::string_view hint) {
    if (program_.warnings.size() >= kMaxWarnings) return;
    program_.warnings.push_back(absl::StrCat(problem, " at ", PositionOf(source_, offset), "; ", hint));
  }

  void Emit(Node node) {
    node.end = static_cast<std::uint32_t>(program_.nodes.size() + 1);
    program_.nodes.push_back(node);
  }

  void EmitFact(NodeKind kind, FactId fact, Comparator comparator = Comparator::kEqual, double number = 0,
                std::size_t operand = 0) {
    Reads(fact);
    Emit({.kind = kind,
          .comparator = comparator,
          .type = catalogue_.Get(fact).type,
          .fact = fact,
          .operand = static_cast<std::uint32_t>(operand),
          .number = number});
  }

  // Known, and of a set that it has an element.
  void EmitPresence(FactId fact) {
    EmitFact(catalogue_.Get(fact).type == FactType::kStringSet ? NodeKind::kAny : NodeKind::kKnown, fact);
  }

  void Reads(FactId fact) { facts_.insert(fact); }

  absl::Status CheckExpression(const Expression& expression) {
    NodeKind kind = NodeKind::kAnd;
    switch (expression.kind) {
      case Expression::Kind::kRestriction: return CheckRestriction(expression);
      case Expression::Kind::kAnd: kind = NodeKind::kAnd; break;
      case Expression::Kind::kOr: kind = NodeKind::kOr; break;
      case Expression::Kind::kNot: kind = NodeKind::kNot; break;
    }
    const std::size_t at = program_.nodes.size();
    Emit({.kind = kind});
    for (const Expression& child : expression.children) PERENNIAL_RETURN_IF_ERROR(CheckExpression(child));
    program_.nodes[at].end = static_cast<std::uint32_t>(program_.nodes.size());
    return absl::OkStatus();
  }

  absl::Status CheckRestriction(const Expression& restriction) {
    if (IsCall(restriction.left)) return CheckCall(restriction);
    if (!restriction.comparator.has_value()) return CheckLiteral(restriction.left);
    const auto fact = catalogue_.Find(restriction.left.text);
    if (!fact.has_value()) return CheckGroup(restriction);
    if (*restriction.comparator == Comparator::kHas && IsStar(restriction.right)) {
      EmitPresence(*fact);
      return absl::OkStatus();
    }
    switch (catalogue_.Get(*fact).type) {
      case FactType::kNumber: return CheckNumber(*fact, restriction);
      case FactType::kString: return CheckText(*fact, restriction);
      case FactType::kBool: return CheckBool(*fact, restriction);
      case FactType::kTime: return CheckTime(*fact, restriction);
      case FactType::kStringSet: return CheckSet(*fact, restriction);
    }
    return absl::InternalError("a fact without a type");
  }

  [[nodiscard]] absl::Status UnknownFact(const Value& name, absl::string_view otherwise = "") const {
    return Error(name.offset, absl::StrCat("unknown fact ", Shown(name.text)),
                 DidYouMean(NearestFact(name.text, catalogue_), otherwise));
  }

  // `attributes:industry` asks whether attributes.industry is known.
  absl::Status CheckGroup(const Expression& restriction) {
    const Value& group = restriction.left;
    const Value& key = restriction.right;
    if (*restriction.comparator != Comparator::kHas || !IsGroup(group.text, catalogue_)) return UnknownFact(group);
    if (IsCall(key) || IsStar(key)) {
      return Error(key.offset, absl::StrCat("expected the name of one fact of ", Shown(group.text)),
                   absl::StrCat("for example ", group.text, ":name"));
    }
    Value name = key;
    name.text = absl::StrCat(group.text, ".", key.text);
    const auto fact = catalogue_.Find(name.text);
    if (!fact.has_value()) return UnknownFact(name);
    EmitPresence(*fact);
    return absl::OkStatus();
  }

  // "'renewal_days' is a number".
  [[nodiscard]] std::string Described(FactId fact) const {
    const FactDefinition& definition = catalogue_.Get(fact);
    return absl::StrCat("'", definition.name, "' is a ", facts::NameOf(definition.type));
  }

  // "expected a number after 'mrr >', but found 'x'".
  [[nodiscard]] absl::Status WrongValue(FactId fact, const Expression& restriction, absl::string_view wanted,
                                        absl::string_view hint = "") const {
    const Value& value = restriction.right;
    const bool is_fact = value.form == Value::Form::kWord && catalogue_.Find(value.text).has_value();
    return Error(value.offset,
                 absl::StrCat("expected ", wanted, " after '", catalogue_.Get(fact).name, " ",
                              NameOf(*restriction.comparator), "', but found ", Shown(value.text)),
                 is_fact ? absl::string_view("a fact compares with a value, not with another fact") : hint);
  }

  static Comparator Plain(Comparator comparator) {
    return comparator == Comparator::kHas ? Comparator::kEqual : comparator;
  }

  absl::Status CheckNumber(FactId fact, const Expression& restriction) {
    const Value& value = restriction.right;
    std::optional<double> number;
    if (value.form == Value::Form::kWord) number = ParseNumber(value.text);
    if (!number.has_value() && value.form == Value::Form::kWord) {
      if (const auto days = ParseDurationDays(value.text)) {
        const std::string& unit = catalogue_.Get(fact).unit;
        if (unit == "days") number = *days;
        if (unit == "hours") number = *days * 24;
        if (!number.has_value()) {
          return Error(value.offset, absl::StrCat(Shown(value.text), " is a duration, but '", catalogue_.Get(fact).name,
                                                  "' is not counted in days or hours"),
                       unit.empty() ? "write a plain number" : absl::StrCat("its unit is ", unit));
        }
      }
    }
    if (!number.has_value()) {
      return WrongValue(fact, restriction, "a number",
                        value.form == Value::Form::kString ? "numbers stand without quotes"
                        : value.text == "null" || value.text == "unknown"
                            ? absl::StrCat("whether it is known: ", catalogue_.Get(fact).name, ":*")
                            : "");
    }
    EmitFact(NodeKind::kNumber, fact, Plain(*restriction.comparator), *number);
    return absl::OkStatus();
  }

  absl::Status CheckBool(FactId fact, const Expression& restriction) {
    if (IsOrder(*restriction.comparator)) {
      return Error(restriction.comparator_offset,
                   absl::StrCat(Described(fact), " and has no order: '", NameOf(*restriction.comparator), "' does not apply"),
                   "use = or != with true or false");
    }
    const Value& value = restriction.right;
    if (value.form != Value::Form::kWord || (value.text != "true" && value.text != "false")) {
      return WrongValue(fact, restriction, "true or false");
    }
    EmitFact(NodeKind::kNumber, fact, Plain(*restriction.comparator), value.text == "true" ? 1 : 0);
    return absl::OkStatus();
  }

  absl::Status CheckTime(FactId fact, const Expression& restriction) {
    const Value& value = restriction.right;
    const Comparator comparator = Plain(*restriction.comparator);
    if (IsCall(value)) {
      PERENNIAL_ASSIGN_OR_RETURN(const double days, ClockArgument(value));
      program_.reads_clock = true;
      EmitFact(NodeKind::kClock, fact, comparator, days);
      return absl::OkStatus();
    }
    const auto seconds = ParseTimeSeconds(value.text);
    if (!seconds.has_value()) {
      const bool plain = ParseNumber(value.text).has_value() || ParseDurationDays(value.text).has_value();
      return WrongValue(fact, restriction, "a time such as 2024-12-31 or 2024-12-31T08:00:00Z",
                        plain ? "for a moment so long ago write days_ago(n)" : "");
    }
    EmitFact(NodeKind::kNumber, fact, comparator, *seconds);
    return absl::OkStatus();
  }

  absl::Status CheckText(FactId fact, const Expression& restriction) {
    const Value& value = restriction.right;
    const Comparator comparator = Plain(*restriction.comparator);
    if (IsCall(value)) return WrongValue(fact, restriction, "a text", "quote the text if it is meant as a value");
    if (value.form == Value::Form::kWord && catalogue_.Find(value.text).has_value()) {
      Warn(value.offset, absl::StrCat(Shown(value.text), " is taken as a text, not as the fact of that name"),
           "quote it to make that plain");
    }
    if (IsOrder(comparator) && (value.star_front || value.star_back)) {
      return Error(value.offset, absl::StrCat("a wildcard does not go with '", NameOf(comparator), "'"),
                   R"(use it with = or !=, or write "\*" for the character)");
    }
    EmitFact(NodeKind::kText, fact, comparator, 0, AddPattern(value));
    return absl::OkStatus();
  }

  absl::Status CheckSet(FactId fact, const Expression& restriction) {
    const Value& value = restriction.right;
    if (*restriction.comparator != Comparator::kHas) {
      const std::string& name = catalogue_.Get(fact).name;
      return Error(restriction.comparator_offset,
                   absl::StrCat(Described(fact), ": '", NameOf(*restriction.comparator), "' does not apply"),
                   absl::StrCat("whether it has an element: ", name, ":", IsCall(value) ? "\"text\"" : value.text.substr(0, 40)));
    }
    if (IsCall(value)) return WrongValue(fact, restriction, "a text", "quote the text if it is meant as a value");
    EmitFact(NodeKind::kElement, fact, Comparator::kEqual, 0, AddPattern(value));
    return absl::OkStatus();
  }

  std::size_t AddPattern(const Value& value) {
    Pattern pattern{.text = value.text, .any_before = value.star_front, .any_after = value.star_back};
    if (pattern.any_before) pattern.text.erase(0, 1);
    if (pattern.any_after && !pattern.text.empty()) pattern.text.pop_back();
    if (pattern.text.empty() && !pattern.exact()) pattern.any_before = pattern.any_after = true;
    if (value.stars > (value.star_front ? 1 : 0) + (value.star_back ? 1 : 0)) {
      Warn(value.offset, absl::StrCat("a '*' inside ", Shown(value.text), " stands for itself"),
           R"(it is a wildcard only at the ends of a text; "\*" says that it is meant)");
    }
    program_.patterns.push_back(std::move(pattern));
    return program_.patterns.size() - 1;
  }

  // A literal on its own: a bool fact, or a text to search for.
  absl::Status CheckLiteral(const Value& literal) {
    if (literal.form == Value::Form::kWord) {
      if (const auto fact = catalogue_.Find(literal.text)) return CheckBareFact(literal, *fact);
      PERENNIAL_RETURN_IF_ERROR(CheckBareWord(literal));
    }
    program_.searched = {.name = Searched("name", FactType::kString),
                         .owner = Searched("owner", FactType::kString),
                         .tags = Searched("tags", FactType::kStringSet)};
    const SearchedFacts& searched = program_.searched;
    if (!searched.name.has_value() && !searched.owner.has_value() && !searched.tags.has_value()) {
      return Error(literal.offset, absl::StrCat("a text without a fact cannot be searched here: ", Shown(literal.text)),
                   "compare a fact with it");
    }
    for (const auto& fact : {searched.name, searched.owner, searched.tags}) {
      if (fact.has_value()) Reads(*fact);
    }
    absl::string_view text = literal.text;
    if (literal.star_front) text.remove_prefix(1);
    if (literal.star_back && !text.empty()) text.remove_suffix(1);
    if (text.empty()) return Error(literal.offset, "an empty text cannot be searched for");
    Emit({.kind = NodeKind::kSearch, .operand = static_cast<std::uint32_t>(program_.searches.size())});
    program_.searches.push_back({.text = std::string(text), .lower = absl::AsciiStrToLower(text)});
    return absl::OkStatus();
  }

  [[nodiscard]] std::optional<FactId> Searched(absl::string_view name, FactType type) const {
    const auto fact = catalogue_.Find(name);
    return fact.has_value() && catalogue_.Get(*fact).type == type ? fact : std::nullopt;
  }

  absl::Status CheckBareFact(const Value& literal, FactId fact) {
    const FactDefinition& definition = catalogue_.Get(fact);
    if (definition.type == FactType::kBool) {
      EmitFact(NodeKind::kNumber, fact, Comparator::kEqual, 1);
      return absl::OkStatus();
    }
    absl::string_view example;
    switch (definition.type) {
      case FactType::kNumber: example = " > 0"; break;
      case FactType::kTime: example = " > days_ago(30)"; break;
      case FactType::kStringSet: example = ":\"text\""; break;
      default: example = " = \"text\"";
    }
    return Error(literal.offset, absl::StrCat("expected a comparison, but ", Described(fact)),
                 absl::StrCat("compare it, for example ", definition.name, example, ", or ask ", definition.name, ":*"));
  }

  // Refuses bare words that were probably not meant as a text to search for.
  [[nodiscard]] absl::Status CheckBareWord(const Value& word) const {
    constexpr absl::string_view kQuote = "quote it to search for the text";
    const std::string upper = absl::AsciiStrToUpper(word.text);
    if (upper == "AND" || upper == "OR" || upper == "NOT") {
      return Error(word.offset, absl::StrCat("unexpected ", Shown(word.text)),
                   absl::StrCat("write ", upper, " in upper case, or quote it to search for the text"));
    }
    if (ParseNumber(word.text).has_value() || word.text == "true" || word.text == "false") {
      return Error(word.offset, absl::StrCat("expected a comparison, but found ", Shown(word.text), " alone"), kQuote);
    }
    if (absl::StrContains(word.text, ".")) return UnknownFact(word, kQuote);
    if (word.text.size() < kShortestMisspelling) return absl::OkStatus();
    for (FactId id = 0; id < catalogue_.size(); ++id) {
      if (EditDistance(word.text, catalogue_.Get(id).name, 1) > 1) continue;
      return Error(word.offset, absl::StrCat("unknown fact ", Shown(word.text)),
                   absl::StrCat("did you mean '", catalogue_.Get(id).name, "'? If not, ", kQuote));
    }
    return absl::OkStatus();
  }

  absl::Status CheckCall(const Expression& restriction) {
    const Value& call = restriction.left;
    if (call.text != "segment") {
      if (call.text == "now" || call.text == "days_ago") {
        return Error(call.offset, absl::StrCat(call.text, "() is a time and stands right of a comparison"),
                     "for example fact < days_ago(30)");
      }
      return UnknownFunction(call);
    }
    if (restriction.comparator.has_value()) {
      return Error(restriction.comparator_offset, "segment() is true or false by itself and is not compared",
                   "write segment(\"id\") or NOT segment(\"id\")");
    }
    if (!options_.allow_segments) return Error(call.offset, "segment() cannot be used here", "only filters of segments know it");
    if (call.arguments.size() != 1 || IsCall(call.arguments[0]) || call.arguments[0].text.empty()) {
      return Error(call.offset, "segment() takes the id of one segment", "for example segment(\"at-risk\")");
    }
    return CheckSegment(call.arguments[0]);
  }

  absl::Status CheckSegment(const Value& id) {
    if (options_.known_segments != nullptr) {
      const auto& known = *options_.known_segments;
      if (std::find(known.begin(), known.end(), id.text) == known.end()) {
        return Error(id.offset, absl::StrCat("unknown segment ", Shown(id.text)),
                     DidYouMean(NearestName(id.text, {known.begin(), known.end()})));
      }
    } else if (const absl::Status status = CheckSlug(id.text); !status.ok()) {
      return Error(id.offset, absl::StrCat("no segment id ", Shown(id.text)), absl::StrCat("it ", status.message()));
    }
    const auto found = std::find(program_.segments.begin(), program_.segments.end(), id.text);
    Emit({.kind = NodeKind::kSegment, .operand = static_cast<std::uint32_t>(found - program_.segments.begin())});
    if (found == program_.segments.end()) program_.segments.push_back(id.text);
    return absl::OkStatus();
  }

  [[nodiscard]] absl::Status UnknownFunction(const Value& call) const {
    return Error(call.offset, absl::StrCat("unknown function ", Shown(call.text)),
                 DidYouMean(NearestName(call.text, {"days_ago", "now", "segment"}),
                            "there are segment(\"id\"), days_ago(n) and now()"));
  }

  // Days before now that a call stands for.
  [[nodiscard]] absl::StatusOr<double> ClockArgument(const Value& call) const {
    if (call.text == "now") {
      if (!call.arguments.empty()) return Error(call.offset, "now() takes no argument", "for earlier times days_ago(n)");
      return 0.0;
    }
    if (call.text == "segment") {
      return Error(call.offset, "segment() is true or false and is not compared with", "write segment(\"id\") alone");
    }
    if (call.text != "days_ago") return UnknownFunction(call);
    std::optional<double> days;
    if (call.arguments.size() == 1 && call.arguments[0].form == Value::Form::kWord) {
      days = ParseNumber(call.arguments[0].text);
      if (!days.has_value()) days = ParseDurationDays(call.arguments[0].text);
    }
    if (!days.has_value() || *days < -kMaxDaysAgo || *days > kMaxDaysAgo) {
      return Error(call.offset, absl::StrCat("days_ago() takes one number of days, at most ", kMaxDaysAgo),
                   "for example days_ago(30)");
    }
    return *days;
  }

  // Puts the lists into order, and the nodes' indices with them.
  void Finish() {
    for (const FactId fact : facts_) {
      program_.facts.push_back(fact);
      program_.fact_names.push_back(catalogue_.Get(fact).name);
    }
    std::sort(program_.fact_names.begin(), program_.fact_names.end());
    const std::vector<std::string> unsorted = program_.segments;
    std::sort(program_.segments.begin(), program_.segments.end());
    for (Node& node : program_.nodes) {
      if (node.kind != NodeKind::kSegment) continue;
      const auto at = std::lower_bound(program_.segments.begin(), program_.segments.end(), unsorted[node.operand]);
      node.operand = static_cast<std::uint32_t>(at - program_.segments.begin());
    }
  }

  const absl::string_view source_;
  const facts::FactCatalogue& catalogue_;
  const CompileOptions& options_;
  Program program_;
  std::set<FactId> facts_;
};

}  // namespace

absl::StatusOr<Program> Check(absl::string_view source, SyntaxTree tree, const facts::FactCatalogue& catalogue,
                              const CompileOptions& options) {
  return Checker(source, catalogue, options).Run(std::move(tree));
}

}  // namespace perennial::filter
