#include "health-svc/rules/carry.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "health-svc/rules/explanation.h"

namespace perennial::health {

const CarriedFact* FindCarried(const CarriedFacts* carried, absl::string_view name, double max_age_days) {
  if (carried == nullptr) return nullptr;
  const auto found = std::find_if(carried->begin(), carried->end(), [&](const CarriedFact& entry) {
    return entry.name == name && entry.max_age_days == max_age_days;
  });
  return found == carried->end() ? nullptr : &*found;
}

void PutCarried(CarriedFact entry, CarriedFacts& carried) {
  for (CarriedFact& present : carried) {
    if (present.name != entry.name || present.max_age_days != entry.max_age_days) continue;
    present = std::move(entry);
    return;
  }
  carried.push_back(std::move(entry));
}

std::int64_t CarryDays(double carry_days) { return static_cast<std::int64_t>(std::ceil(carry_days)); }

std::optional<facts::FactValue> FreshValue(const CarrySpec& spec, const facts::RowReader& row) {
  if (spec.max_age_days > 0) {
    const std::optional<double> age = spec.age.has_value() ? row.Number(*spec.age) : std::nullopt;
    if (!age.has_value() || *age > spec.max_age_days) return std::nullopt;
  }
  return ValueOf(row, spec.fact, spec.type);
}

}  // namespace perennial::health
