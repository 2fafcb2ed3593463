#include <algorithm>

#include "accounts-svc/facts/compute_facts.h"
#include "accounts-svc/facts/fact_groups.h"

namespace perennial::accounts {
namespace {

void PutMetric(const MetricFacts& ids, const MetricUse& use, bool users_seen, std::int64_t today, NumberRow& row) {
  const auto when = [](bool known, double value) { return known ? std::optional<double>(value) : std::nullopt; };
  row.Set(ids.sum_7d, use.sum_7d());
  row.Set(ids.sum_30d, use.sum_30d());
  row.Set(ids.sum_prev_30d, use.prev_30d);
  row.Set(ids.sum_90d, use.sum_90d());
  row.Set(ids.active_days_30d, use.active_days_30d());
  row.Set(ids.change_30d, when(use.prev_30d > 0, (use.sum_30d() - use.prev_30d) / use.prev_30d));
  row.Set(ids.users_30d, when(users_seen, use.users_30d));
  row.Set(ids.days_since_last, when(use.last_day.has_value(), static_cast<double>(today - use.last_day.value_or(0))));
}

// Change over all metrics, each scaled by the account's own level of it.
std::optional<double> TotalChange(const std::vector<Metric>& metrics, const UsageState& usage) {
  double now = 0;
  double before = 0;
  for (const Metric& metric : metrics) {  // in a fixed order: sums of doubles depend on it
    const MetricUse* use = usage.Find(metric.no);
    if (use == nullptr || use->sum_90d() <= 0) continue;
    now += use->sum_30d() / use->sum_90d();
    before += use->prev_30d / use->sum_90d();
  }
  if (before <= 0) return std::nullopt;
  return (now - before) / before;
}

std::optional<double> SeatUtilisation(const UsageState& usage, double seats) {
  if (!usage.users_seen() || seats <= 0) return std::nullopt;
  return static_cast<double>(usage.users()) / seats;
}

// The group usage. Whether use is falling or absent, for the fact `silent`; nothing when no use was ever reported.
std::optional<bool> PutUsage(const UsageState& usage, double seats, const std::vector<Metric>& metrics,
                             FactNumbering& numbering, absl::Time as_of, NumberRow& row) {
  if (usage.empty()) return std::nullopt;  // nobody reports use of this account, which is not zero use
  const std::int64_t today = DayOf(as_of);
  int known = 0;
  int used = 0;
  for (const Metric& metric : metrics) {
    if (metric.first_time > as_of) continue;
    ++known;
    const MetricUse* use = usage.Find(metric.no);
    if (use != nullptr && use->active_days != 0) ++used;
    PutMetric(numbering.ForMetric(metric.no, metric.name), use == nullptr ? MetricUse() : *use, usage.users_seen(), today, row);
  }
  const std::optional<double> change = TotalChange(metrics, usage);
  const auto put = [&](absl::string_view name, std::optional<double> value) { row.Set(numbering.Fixed(name), value); };
  const std::optional<std::int64_t> last_day = usage.last_day();
  put("usage.days_since_last",
      last_day.has_value() ? std::optional<double>(static_cast<double>(today - *last_day)) : std::nullopt);
  put("usage.change_30d", change);
  put("usage.breadth_30d", known > 0 ? std::optional<double>(static_cast<double>(used) / known) : std::nullopt);
  put("usage.seat_utilisation_30d", SeatUtilisation(usage, seats));
  return used == 0 || (change.has_value() && *change <= kFallingUse);
}

}  // namespace

UseContext UseContextOf(const AccountHistory& history, const FactSink& sink) {
  UseContext context{.goals = history.goals};
  for (const SubscriptionVersion& version : ActiveAt(history.subscriptions, sink.as_of())) {
    context.seats += static_cast<double>(version.state.seats);
  }
  const absl::Time since = sink.WindowStart(90);
  for (const Ticket& ticket : history.tickets) context.heard = context.heard || ticket.opened >= since;
  for (const Touchpoint& touch : history.touchpoints) {
    context.heard = context.heard || (touch.inbound && touch.time >= since);
  }
  return context;
}

std::vector<std::string> PutFactsOfUse(const UsageState& usage, const UseContext& context, const std::vector<Metric>& metrics,
                                       FactNumbering& numbering, absl::Time as_of, NumberRow& row) {
  const std::optional<bool> use_is_failing = PutUsage(usage, context.seats, metrics, numbering, as_of, row);
  // Falling or absent use, and nobody said anything: most unhappy customers never complain.
  if (use_is_failing.has_value()) row.Set(numbering.Fixed("silent"), *use_is_failing && !context.heard ? 1.0 : 0.0);
  return PutGoalFacts(context.goals, numbering, as_of, row);
}

}  // namespace perennial::accounts
