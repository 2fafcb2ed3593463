#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "perennial/segments/v1/portfolio_service.pb.h"

namespace perennial::segments {

// Most periods that one answer may have.
constexpr int kMostPeriods = 240;

// Consecutive periods of the UTC calendar.
struct Periods {
  // One more than there are periods: period i is bounds[i] to bounds[i + 1].
  std::vector<absl::Time> bounds;
  // The last one has not ended.
  bool unfinished = false;

  [[nodiscard]] int count() const { return static_cast<int>(bounds.size()) - 1; }
  // The same for ComputeRetention(); what is unfinished goes up to and including `now`.
  [[nodiscard]] std::vector<std::int64_t> StepBounds(absl::Time now) const;
};

// The period that holds `start`, and those after it that begin before `end` and `now`; kMostPeriods + 1 where there
// would be more. `start` must not be after `now`.
Periods PeriodsFrom(v1::RetentionPeriod length, absl::Time start, absl::Time end, absl::Time now);

}  // namespace perennial::segments
