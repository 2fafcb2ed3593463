#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"

namespace perennial::health {

// What a measure with MISSING_POLICY_CARRY counts while its fact is missing: the value that the fact had at the end of
// the last UTC day before, at most carry_days ago, at whose end it was known and fresh. Whole days make it a function
// of the account's history and the moment alone: it can be computed for any moment from facts as of ends of days.

// A fact that scorecards carry.
struct CarrySpec {
  std::string name;
  facts::FactId fact = 0;
  facts::FactType type = facts::FactType::kNumber;
  // Oldest age at which it counts as fresh, and the fact that tells the age; 0 means any.
  double max_age_days = 0;
  std::optional<facts::FactId> age = {};
  // For how many days the longest of those that carry it does so.
  std::int64_t days = 0;
};

// What is known of a carried fact while it is missing.
struct CarriedFact {
  std::string name;
  double max_age_days = 0;
  // Its last known value; nothing when there was none in reach.
  std::optional<facts::FactValue> value = {};
  // The last day (since 1970) at whose end it was known; 0 without a value.
  std::int64_t day = 0;
  // The last day that was looked at.
  std::int64_t checked = 0;

  bool operator==(const CarriedFact&) const = default;
};
using CarriedFacts = std::vector<CarriedFact>;

// Null when there is no such entry; `carried` may be null.
const CarriedFact* FindCarried(const CarriedFacts* carried, absl::string_view name, double max_age_days);

// Puts an entry in place of one of the same fact and age, or adds it.
void PutCarried(CarriedFact entry, CarriedFacts& carried);

// carry_days as whole days.
std::int64_t CarryDays(double carry_days);

// The fact's value if it is known and fresh.
std::optional<facts::FactValue> FreshValue(const CarrySpec& spec, const facts::RowReader& row);

}  // namespace perennial::health
