#include "tests/accounts/model/fact_map.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perennial::accounts::testing {
namespace {

namespace v1 = perennial::accounts::v1;

bool Same(const FactValue& a, const FactValue& b) {
  const double* x = std::get_if<double>(&a);
  const double* y = std::get_if<double>(&b);
  if (x == nullptr || y == nullptr) return a == b;
  return std::abs(*x - *y) <= 1e-9 * std::max({1.0, std::abs(*x), std::abs(*y)});
}

std::string Text(const FactValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return absl::StrCat(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return absl::StrCat("\"", *text, "\"");
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* time = std::get_if<absl::Time>(&value)) return absl::FormatTime(*time, absl::UTCTimeZone());
  return absl::StrCat("{", absl::StrJoin(std::get<std::set<std::string>>(value), ", "), "}");
}

absl::Time TimeOfSeconds(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

}  // namespace

std::string Difference(const FactMap& expected, const FactMap& actual) {
  std::string lines;
  for (const auto& [name, value] : expected) {
    const auto found = actual.find(name);
    if (found == actual.end()) {
      absl::StrAppend(&lines, "  ", name, " is unknown, should be ", Text(value), "\n");
    } else if (!Same(value, found->second)) {
      absl::StrAppend(&lines, "  ", name, " is ", Text(found->second), ", should be ", Text(value), "\n");
    }
  }
  for (const auto& [name, value] : actual) {
    if (!expected.contains(name)) absl::StrAppend(&lines, "  ", name, " is ", Text(value), ", should be unknown\n");
  }
  return lines;
}

FactMap FactMapOf(const v1::GetFactsResponse& response) {
  FactMap facts;
  for (const v1::Fact& fact : response.facts()) {
    FactValue& value = facts[fact.name()];
    switch (fact.value_case()) {
      case v1::Fact::kNumber: value = fact.number(); break;
      case v1::Fact::kText: value = fact.text(); break;
      case v1::Fact::kFlag: value = fact.flag(); break;
      case v1::Fact::kTime:
        value = absl::FromUnixSeconds(fact.time().seconds()) + absl::Nanoseconds(fact.time().nanos());
        break;
      case v1::Fact::kSet: value = std::set<std::string>(fact.set().values().begin(), fact.set().values().end()); break;
      default: value = std::string("a fact without a value"); break;
    }
  }
  return facts;
}

bool RowReader::Announce(const v1::FactDefinition& definition) {
  return definitions_.emplace(definition.id(), definition).second;
}

FactMap RowReader::Read(const v1::PackedFacts& row) const {
  FactMap facts;
  const auto find = [&](std::uint32_t id) -> v1::FactDefinition {
    const auto found = definitions_.find(id);
    if (found != definitions_.end()) return found->second;
    v1::FactDefinition unannounced;
    unannounced.set_name(absl::StrCat("unannounced ", id));
    return unannounced;
  };
  for (int i = 0; i < row.number_ids_size(); ++i) {
    const v1::FactDefinition definition = find(row.number_ids(i));
    const double number = row.number_values(i);
    FactValue& value = facts[definition.name()];
    value = number;
    if (definition.type() == v1::FACT_TYPE_BOOL) value = number != 0;
    if (definition.type() == v1::FACT_TYPE_TIME) value = TimeOfSeconds(number);
  }
  for (int i = 0; i < row.text_ids_size(); ++i) {
    const v1::FactDefinition definition = find(row.text_ids(i));
    FactValue& value = facts[definition.name()];
    if (definition.type() != v1::FACT_TYPE_STRING_SET) {
      value = row.text_values(i);
      continue;
    }
    if (!std::holds_alternative<std::set<std::string>>(value)) value = std::set<std::string>();
    std::get<std::set<std::string>>(value).insert(row.text_values(i));
  }
  for (const std::uint32_t id : row.empty_set_ids()) facts[find(id).name()] = std::set<std::string>();
  return facts;
}

}  // namespace perennial::accounts::testing
