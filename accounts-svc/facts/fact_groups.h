#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/facts/number_row.h"
#include "accounts-svc/facts/revenue.h"
#include "accounts-svc/facts/usage_state.h"
#include "accounts-svc/model.h"
#include "common/base/time_util.h"
#include "common/facts/fact_row.h"

namespace perennial::accounts {

// Where the groups of facts of one account are put while they are computed.
class FactSink {
 public:
  FactSink(const FactNumbering& numbering, absl::Time as_of)
      : as_of_(as_of), today_(DayOf(as_of)), numbering_(numbering) {}

  void Put(absl::string_view name, double value) { row_.SetNumber(numbering_.Fixed(name), value); }
  void Put(absl::string_view name, std::optional<double> value) {
    if (value.has_value()) Put(name, *value);
  }
  void PutFlag(absl::string_view name, bool value) { Put(name, value ? 1.0 : 0.0); }
  void PutText(absl::string_view name, absl::string_view value) {
    if (!value.empty()) row_.SetText(numbering_.Fixed(name), std::string(value));
  }
  facts::FactRow& row() { return row_; }
  [[nodiscard]] absl::Time as_of() const { return as_of_; }
  // Day of as_of.
  [[nodiscard]] std::int64_t today() const { return today_; }
  // First moment of the window of so many whole UTC days that ends with today.
  [[nodiscard]] absl::Time WindowStart(std::int64_t days) const { return StartOfDay(today_ - days + 1); }
  // Whole days between the day of `time` and today.
  [[nodiscard]] double DaysSince(absl::Time time) const { return static_cast<double>(today_ - DayOf(time)); }

 private:
  const absl::Time as_of_;
  const std::int64_t today_;
  const FactNumbering& numbering_;
  facts::FactRow row_;
};

// The group revenue: plan, mrr, seats, renewal and the sums over windows.
void PutRevenueFacts(const AccountHistory& history, const std::vector<MrrPoint>& mrr, FactSink& sink);

// The groups touch and support.
void PutContactFacts(const AccountHistory& history, FactSink& sink);

// The groups sentiment, onboarding and churn reports.
void PutSentimentFacts(const AccountHistory& history, const std::vector<PhaseChange>& phases, FactSink& sink);

// What the facts that use changes depend on beside the use, as of a moment. It stays as it is for the rest of the UTC day
// unless something else happens or takes effect.
struct UseContext {
  double seats = 0;    // of active subscriptions
  bool heard = false;  // the customer opened a ticket or began a conversation in 90 days
  std::vector<Goal> goals = {};
};
UseContext UseContextOf(const AccountHistory& history, const FactSink& sink);

// The facts that use changes, after all others: the group usage, the fact silent, and the group goals, which may measure
// any. Returns the ids of active goals that have been reached, which count as achieved.
std::vector<std::string> PutFactsOfUse(const UsageState& usage, const UseContext& context, const std::vector<Metric>& metrics,
                                       FactNumbering& numbering, absl::Time as_of, NumberRow& row);

// The group goals, for PutFactsOfUse.
std::vector<std::string> PutGoalFacts(const std::vector<Goal>& goals, const FactNumbering& numbering, absl::Time as_of,
                                      NumberRow& row);

}  // namespace perennial::accounts
