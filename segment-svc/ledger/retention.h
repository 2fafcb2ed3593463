#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "common/facts/bitmap.h"
#include "segment-svc/ledger/revenue_ledger.h"
#include "segment-svc/revenue_window.h"

namespace perennial::segments {

// Revenue retention straight from the ledger, by docs/metrics.md. Plain rules: no clock, no locks. A period has its
// first moment and not its end; a step belongs to the period that holds its time.

// What one account did in a period. Its movements count only when it paid at the start; else what it pays at the end
// was won.
struct AccountPeriod {
  Micros start = 0;
  Micros end = 0;
  MoneyTotal expansion = {};
  MoneyTotal contraction = {};
  MoneyTotal churned = {};
  MoneyTotal reactivated = {};

  // What is left of the start, not more than that and not less than nothing.
  [[nodiscard]] MoneyTotal Retained() const;
};
// Of an account that pays `start` and takes `steps`, all within the period.
AccountPeriod WalkPeriod(Micros start, absl::Span<const MrrStep> steps);

// Of an account's steps, those with from <= time < to; and what it pays before `from`.
struct StepsWithin {
  Micros before = 0;
  absl::Span<const MrrStep> steps;
};
StepsWithin Within(absl::Span<const MrrStep> steps, std::int64_t from, std::int64_t to);

// Many accounts in one period.
struct RetentionTotals {
  RevenueTotals revenue;  // `won` is the MRR at the end of accounts that did not pay at the start
  MoneyTotal end;
  std::int64_t won_accounts = 0;
  std::int64_t end_accounts = 0;
};

// Accounts that first paid in one period, at the end of it and of each that follows.
struct CohortTotals {
  std::int64_t accounts = 0;
  std::vector<MoneyTotal> mrr;
  std::vector<std::int64_t> paying;
};

struct Retention {
  std::vector<RetentionTotals> periods;
  std::vector<CohortTotals> cohorts;  // as many as periods, or none
};

// Over consecutive periods: bounds[i] to bounds[i + 1], ascending, at least two. Takes time by the number of steps and
// of rows, not of periods.
Retention ComputeRetention(const RevenueLedger& ledger, const facts::Bitmap& rows,
                           absl::Span<const std::int64_t> bounds, bool cohorts);

// Revenue of `rows` from `from` until `to`, later: what is paid a month over time, a month being a twelfth of 365 days.
MoneyTotal RevenueBetween(const RevenueLedger& ledger, const facts::Bitmap& rows, std::int64_t from, std::int64_t to);

}  // namespace perennial::segments
