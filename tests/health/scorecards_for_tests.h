#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <variant>

#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "health-svc/rules/scorecard.h"

namespace perennial::health {

// A set with one scorecard "card", revision 1, whose other fields are `fields` in text format. Standard bands.
inline v1::ScorecardSet CardOf(const std::string& fields) {
  auto set = ParseScorecards("scorecards { id: 'card' revision: 1 " + fields +
                             " bands { id: 'red' } bands { id: 'yellow' lower_bound: 50 } "
                             "bands { id: 'green' lower_bound: 75 } }");
  EXPECT_TRUE(set.ok()) << set.status();
  return set.ok() ? *std::move(set) : v1::ScorecardSet();
}

// A measure whose points are its fact's value.
inline std::string Plain(const std::string& id, const std::string& group, double weight,
                         const std::string& missing = "REDISTRIBUTE", const std::string& more = "") {
  return "measures { id: '" + id + "' group: '" + group + "' fact: '" + id + "' weight: " + std::to_string(weight) +
         " missing: MISSING_POLICY_" + missing +
         " curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } " + more + " } ";
}

inline std::string Group(const std::string& id, double weight) {
  return "groups { id: '" + id + "' weight: " + std::to_string(weight) + " } ";
}

using FactMap = std::map<std::string, std::variant<double, bool, std::string>>;

// A catalogue and rows for rules alone.
class RuleFacts {
 public:
  // Adds facts with the types of the values, and returns them as a row.
  facts::FactRow Row(const FactMap& values) {
    facts::FactRow row;
    for (const auto& [name, value] : values) {
      if (const auto* number = std::get_if<double>(&value)) {
        row.SetNumber(Id(name, facts::FactType::kNumber), *number);
      } else if (const auto* flag = std::get_if<bool>(&value)) {
        row.SetNumber(Id(name, facts::FactType::kBool), *flag ? 1 : 0);
      } else {
        row.SetText(Id(name, facts::FactType::kString), std::get<std::string>(value));
      }
    }
    return row;
  }
  facts::FactId Id(const std::string& name, facts::FactType type, const std::string& age = "",
                   const std::string& unit = "") {
    const auto id = catalogue_.Add({.name = name, .type = type, .unit = unit, .age_fact = age});
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(0);
  }
  facts::FactCatalogue& catalogue() { return catalogue_; }

 private:
  facts::FactCatalogue catalogue_;
};

// Compiles and resolves a set that must be good.
inline Scorecards Compiled(const v1::ScorecardSet& set, const facts::FactCatalogue& catalogue) {
  auto scorecards = Scorecards::Compile(set);
  EXPECT_TRUE(scorecards.ok()) << scorecards.status();
  Scorecards out = scorecards.ok() ? *std::move(scorecards) : Scorecards();
  (void)out.Resolve(catalogue);
  return out;
}

inline filter::EvaluationContext AnyTime() { return {.now = absl::FromUnixSeconds(1735603199)}; }

}  // namespace perennial::health
