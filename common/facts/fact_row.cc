#include "common/facts/fact_row.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace perennial::facts {
namespace {

std::string NumberText(double number) {
  if (number == std::floor(number) && std::abs(number) < 1e15) return absl::StrFormat("%.0f", number);
  return absl::StrFormat("%.6g", number);
}

bool Before(const std::pair<FactId, FactValue>& value, FactId fact) { return value.first < fact; }

}  // namespace

std::string ToText(const FactValue& value, FactType type) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* set = std::get_if<StringSet>(&value)) return absl::StrCat("{", absl::StrJoin(*set, ", "), "}");
  const double number = std::get<double>(value);
  switch (type) {
    case FactType::kBool: return number != 0 ? "true" : "false";
    case FactType::kTime:
      return absl::FormatTime(absl::RFC3339_full, absl::UnixEpoch() + absl::Seconds(number), absl::UTCTimeZone());
    default: return NumberText(number);
  }
}

void FactRow::Put(FactId fact, FactValue value) {
  // Feeds tell most facts in ascending order.
  if (values_.empty() || values_.back().first < fact) {
    values_.emplace_back(fact, std::move(value));
    return;
  }
  const auto at = std::lower_bound(values_.begin(), values_.end(), fact, Before);
  if (at != values_.end() && at->first == fact) {
    at->second = std::move(value);
  } else {
    values_.emplace(at, fact, std::move(value));
  }
}

void FactRow::SetNumber(FactId fact, double value) {
  if (std::isfinite(value)) Put(fact, value == 0 ? 0.0 : value);  // -0 becomes 0
}

void FactRow::SetText(FactId fact, std::string value) { Put(fact, std::move(value)); }

void FactRow::SetSet(FactId fact, StringSet value) {
  std::sort(value.begin(), value.end());
  value.erase(std::unique(value.begin(), value.end()), value.end());
  Put(fact, std::move(value));
}

const FactValue* FactRow::Find(FactId fact) const {
  const auto at = std::lower_bound(values_.begin(), values_.end(), fact, Before);
  return at != values_.end() && at->first == fact ? &at->second : nullptr;
}

std::optional<double> FactRow::Number(FactId fact) const {
  const FactValue* value = Find(fact);
  const auto* number = value == nullptr ? nullptr : std::get_if<double>(value);
  return number == nullptr ? std::nullopt : std::optional<double>(*number);
}

std::optional<absl::string_view> FactRow::Text(FactId fact) const {
  const FactValue* value = Find(fact);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? std::nullopt : std::optional<absl::string_view>(*text);
}

bool FactRow::HasSet(FactId fact) const {
  const FactValue* value = Find(fact);
  return value != nullptr && std::holds_alternative<StringSet>(*value);
}

bool FactRow::SetContains(FactId fact, absl::string_view element) const {
  const FactValue* value = Find(fact);
  const auto* set = value == nullptr ? nullptr : std::get_if<StringSet>(value);
  return set != nullptr && std::binary_search(set->begin(), set->end(), element,
                                              [](absl::string_view a, absl::string_view b) { return a < b; });
}

StringSet FactRow::Set(FactId fact) const {
  const FactValue* value = Find(fact);
  const auto* set = value == nullptr ? nullptr : std::get_if<StringSet>(value);
  return set == nullptr ? StringSet() : *set;
}

}  // namespace perennial::facts
