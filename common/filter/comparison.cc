#include "common/filter/comparison.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/filter/functions.h"
#include "common/filter/literals.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

using facts::FactDefinition;
using facts::FactId;
using facts::FactType;

bool IsOrder(Comparator comparator) {
  return comparator != Comparator::kEqual && comparator != Comparator::kNotEqual && comparator != Comparator::kHas;
}

// One comparison while it is checked.
struct Comparison {
  const FactId fact;
  const FactDefinition& definition;
  const Expression& restriction;
  const Value& value;
  const Comparator comparator;
  ProgramBuilder& builder;

  [[nodiscard]] bool is_word() const { return value.form == Value::Form::kWord; }
  [[nodiscard]] bool is_call() const { return value.form == Value::Form::kCall; }

  // "expected a number after 'mrr >', but found 'x'".
  [[nodiscard]] absl::Status WrongValue(absl::string_view wanted, absl::string_view hint = "") const {
    const bool is_fact = is_word() && builder.catalogue().Find(value.text).has_value();
    return builder.Error(value.offset,
                         absl::StrCat("expected ", wanted, " after '", definition.name, " ", NameOf(comparator),
                                      "', but found ", Shown(value.text)),
                         is_fact ? absl::string_view("a fact compares with a value, not with another fact") : hint);
  }

  // "'tags' is a set of strings: '=' does not apply".
  [[nodiscard]] absl::Status WrongComparator(absl::string_view hint) const {
    return builder.Error(restriction.comparator_offset,
                         absl::StrCat("'", definition.name, "' is a ", facts::NameOf(definition.type), ": '",
                                      NameOf(comparator), "' does not apply"),
                         hint);
  }
};

absl::Status AddNumber(const Comparison& c) {
  std::optional<double> number;
  if (c.is_word()) number = ParseNumber(c.value.text);
  const std::optional<double> days = c.is_word() ? ParseDurationDays(c.value.text) : std::nullopt;
  if (days.has_value()) {
    if (c.definition.unit == "days") number = *days;
    if (c.definition.unit == "hours") number = *days * 24;
    if (!number.has_value()) {
      return c.builder.Error(c.value.offset,
                             absl::StrCat(Shown(c.value.text), " is a duration, but '", c.definition.name,
                                          "' does not count days or hours"),
                             c.definition.unit.empty() ? "write a number without a unit"
                                                       : absl::StrCat("its unit is ", c.definition.unit));
    }
  }
  if (number.has_value()) {
    c.builder.AddNumber(c.fact, c.comparator, *number);
    return absl::OkStatus();
  }
  std::string hint;
  if (c.value.form == Value::Form::kString) hint = "numbers stand without quotes";
  if (c.value.text == "null" || c.value.text == "unknown") {
    hint = absl::StrCat("whether it is known: ", c.definition.name, ":*");
  }
  return c.WrongValue("a number", hint);
}

absl::Status AddBool(const Comparison& c) {
  if (IsOrder(c.comparator)) return c.WrongComparator("use = or != with true or false");
  if (!c.is_word() || (c.value.text != "true" && c.value.text != "false")) return c.WrongValue("true or false");
  c.builder.AddNumber(c.fact, c.comparator, c.value.text == "true" ? 1 : 0);
  return absl::OkStatus();
}

absl::Status AddTime(const Comparison& c) {
  if (c.is_call()) {
    PERENNIAL_ASSIGN_OR_RETURN(const double days, DaysBeforeNow(c.value, c.builder));
    c.builder.AddClock(c.fact, c.comparator, days);
    return absl::OkStatus();
  }
  if (const auto seconds = ParseTimeSeconds(c.value.text)) {
    c.builder.AddNumber(c.fact, c.comparator, *seconds);
    return absl::OkStatus();
  }
  const bool length = ParseNumber(c.value.text).has_value() || ParseDurationDays(c.value.text).has_value();
  return c.WrongValue("a time such as 2024-12-31 or 2024-12-31T08:00:00Z",
                      length ? "the time so many days before now is days_ago(n)" : "");
}

absl::Status AddText(const Comparison& c) {
  if (c.is_call()) return c.WrongValue("a text", "quote it if it is meant as a text");
  if (c.is_word() && c.builder.catalogue().Find(c.value.text).has_value()) {
    c.builder.Warn(c.value.offset,
                   absl::StrCat(Shown(c.value.text), " is taken as a text, not as the fact of that name"),
                   "quote it to make that plain");
  }
  if (IsOrder(c.comparator) && (c.value.star_front || c.value.star_back)) {
    return c.builder.Error(c.value.offset, absl::StrCat("a wildcard does not go with '", NameOf(c.comparator), "'"),
                           R"(use it with = or !=, or write "\*" for the character)");
  }
  c.builder.AddText(c.fact, c.comparator, c.value);
  return absl::OkStatus();
}

absl::Status AddSet(const Comparison& c) {
  if (c.comparator != Comparator::kHas) {
    return c.WrongComparator(absl::StrCat("whether it has an element: ", c.definition.name, ":\"text\""));
  }
  if (c.is_call()) return c.WrongValue("a text", "quote it if it is meant as a text");
  c.builder.AddElement(c.fact, c.value);
  return absl::OkStatus();
}

}  // namespace

bool IsStar(const Value& value) {
  if (value.form == Value::Form::kCall || !value.star_front || !value.star_back) return false;
  return value.text == "*" || value.text == "**";
}

absl::Status AddComparison(const Expression& restriction, FactId fact, ProgramBuilder& builder) {
  const Comparison comparison{.fact = fact,
                              .definition = builder.catalogue().Get(fact),
                              .restriction = restriction,
                              .value = restriction.right,
                              .comparator = *restriction.comparator,
                              .builder = builder};
  if (comparison.comparator == Comparator::kHas && IsStar(comparison.value)) {
    builder.AddPresence(fact);
    return absl::OkStatus();
  }
  switch (comparison.definition.type) {
    case FactType::kNumber: return AddNumber(comparison);
    case FactType::kString: return AddText(comparison);
    case FactType::kBool: return AddBool(comparison);
    case FactType::kTime: return AddTime(comparison);
    case FactType::kStringSet: return AddSet(comparison);
  }
  return absl::InternalError("a fact without a type");
}

}  // namespace perennial::filter
