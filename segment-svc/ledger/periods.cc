#include "segment-svc/ledger/periods.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "segment-svc/ledger/revenue_ledger.h"

namespace perennial::segments {
namespace {

int MonthsOf(v1::RetentionPeriod length) {
  if (length == v1::RETENTION_PERIOD_YEAR) return 12;
  return length == v1::RETENTION_PERIOD_QUARTER ? 3 : 1;
}

}  // namespace

std::vector<std::int64_t> Periods::StepBounds(absl::Time now) const {
  std::vector<std::int64_t> steps;
  for (const absl::Time bound : bounds) steps.push_back(StepTime(bound));
  // Steps are whole microseconds, so that the next one is the first that is later.
  if (unfinished) steps.back() = StepTime(now) + 1;
  return steps;
}

Periods PeriodsFrom(v1::RetentionPeriod length, absl::Time start, absl::Time end, absl::Time now) {
  const int months = MonthsOf(length);
  const absl::CivilMonth month(absl::ToCivilSecond(start, absl::UTCTimeZone()));
  absl::CivilMonth first = month - (month.month() - 1) % months;
  const absl::Time last = std::min(end, now);
  Periods periods;
  do {
    periods.bounds.push_back(absl::FromCivil(first, absl::UTCTimeZone()));
    first += months;
  } while (absl::FromCivil(first, absl::UTCTimeZone()) < last && periods.bounds.size() <= kMostPeriods);
  periods.bounds.push_back(absl::FromCivil(first, absl::UTCTimeZone()));
  periods.unfinished = periods.bounds.back() > now;
  return periods;
}

}  // namespace perennial::segments
