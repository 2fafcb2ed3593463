#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "accounts-svc/facts/fact_groups.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/facts/revenue.h"
#include "accounts-svc/model.h"
#include "common/facts/fact_row.h"

namespace perennial::accounts {

// Share by which use must have fallen in 30 days for an account to count as falling, in the fact `silent`.
constexpr double kFallingUse = -0.10;

// Grows when the same history gives other facts than before: then all accounts are computed anew at the next start.
constexpr int kFactsVersion = 4;

// What follows from an account's history as of a moment.
struct Computed {
  facts::FactRow facts;
  std::vector<PhaseChange> phases;
  std::vector<MrrPoint> mrr;
  // When the facts change next without a write, if that is before the midnight that ends the day of as_of.
  std::optional<absl::Time> next_change;
  // Ids of active goals that have been reached.
  std::vector<std::string> reached_goals;
  // From which the facts that use changes can be put again when there is more of it.
  UsageState usage;
  UseContext use_context;
};

// The facts of an account as of a moment: a pure function of its history until then and of the metrics known then. The one
// implementation for the live feed and for the past. `metrics` by number. FAILED_PRECONDITION when an attribute has not the
// type that its key has elsewhere.
absl::StatusOr<Computed> ComputeFacts(const AccountHistory& history, const std::vector<Metric>& metrics, absl::Time as_of,
                                      FactNumbering& numbering);

}  // namespace perennial::accounts
