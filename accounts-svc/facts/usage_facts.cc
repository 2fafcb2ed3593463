#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "accounts-svc/facts/compute_facts.h"
#include "accounts-svc/facts/fact_groups.h"

namespace perennial::accounts {
namespace {

struct MetricSums {
  double sum_7d = 0;
  double sum_30d = 0;
  double sum_prev_30d = 0;
  double sum_90d = 0;
  int active_days_30d = 0;
  int users_30d = 0;
  std::int64_t last_day = 0;
  bool ever_used = false;
};

using SumsByMetric = absl::flat_hash_map<std::int64_t, MetricSums>;

SumsByMetric SumUp(const AccountHistory& history, std::int64_t today) {
  SumsByMetric sums;
  for (const UsageDay& use : history.usage) {
    MetricSums& at = sums[use.metric];
    const std::int64_t age = today - use.day;
    if (age < 7) at.sum_7d += use.sum;
    if (age < 30) {
      at.sum_30d += use.sum;
      if (use.sum > 0) ++at.active_days_30d;
    } else if (age < 60) {
      at.sum_prev_30d += use.sum;
    }
    at.sum_90d += use.sum;
  }
  for (const LastUse& last : history.last_use) {
    sums[last.metric].last_day = last.day;
    sums[last.metric].ever_used = true;
  }
  absl::flat_hash_map<std::int64_t, absl::flat_hash_set<absl::string_view>> users;
  for (const UsageUser& user : history.users) users[user.metric].insert(user.user);
  for (const auto& [metric, names] : users) sums[metric].users_30d = static_cast<int>(names.size());
  return sums;
}

void PutMetric(const MetricFacts& ids, const MetricSums& sums, bool users_seen, FactSink& sink) {
  facts::FactRow& row = sink.row();
  row.SetNumber(ids.sum_7d, sums.sum_7d);
  row.SetNumber(ids.sum_30d, sums.sum_30d);
  row.SetNumber(ids.sum_prev_30d, sums.sum_prev_30d);
  row.SetNumber(ids.sum_90d, sums.sum_90d);
  row.SetNumber(ids.active_days_30d, sums.active_days_30d);
  if (sums.sum_prev_30d > 0) row.SetNumber(ids.change_30d, (sums.sum_30d - sums.sum_prev_30d) / sums.sum_prev_30d);
  if (users_seen) row.SetNumber(ids.users_30d, sums.users_30d);
  if (sums.ever_used) row.SetNumber(ids.days_since_last, static_cast<double>(sink.today() - sums.last_day));
}

// Change over all metrics, each scaled by the account's own level of it.
std::optional<double> TotalChange(const std::vector<Metric>& metrics, const SumsByMetric& sums) {
  double now = 0;
  double before = 0;
  for (const Metric& metric : metrics) {  // in a fixed order: sums of doubles depend on it
    const auto found = sums.find(metric.no);
    if (found == sums.end() || found->second.sum_90d <= 0) continue;
    now += found->second.sum_30d / found->second.sum_90d;
    before += found->second.sum_prev_30d / found->second.sum_90d;
  }
  if (before <= 0) return std::nullopt;
  return (now - before) / before;
}

std::optional<double> SeatUtilisation(const AccountHistory& history, FactSink& sink) {
  if (!history.users_seen) return std::nullopt;
  double seats = 0;
  for (const SubscriptionVersion& version : ActiveAt(history.subscriptions, sink.as_of())) {
    seats += static_cast<double>(version.state.seats);
  }
  if (seats <= 0) return std::nullopt;
  absl::flat_hash_set<absl::string_view> users;
  for (const UsageUser& user : history.users) users.insert(user.user);
  return static_cast<double>(users.size()) / seats;
}

}  // namespace

std::optional<bool> PutUsageFacts(const AccountHistory& history, const std::vector<Metric>& metrics,
                                  FactNumbering& numbering, FactSink& sink) {
  if (history.last_use.empty() && history.usage.empty()) return std::nullopt;  // nobody reports use of this account, which is not zero use
  const SumsByMetric sums = SumUp(history, sink.today());
  std::optional<std::int64_t> last_day;
  int known = 0;
  int used = 0;
  for (const LastUse& last : history.last_use) last_day = std::max(last_day.value_or(last.day), last.day);
  for (const Metric& metric : metrics) {
    if (metric.first_time > sink.as_of()) continue;
    ++known;
    const auto found = sums.find(metric.no);
    const MetricSums at = found == sums.end() ? MetricSums() : found->second;
    if (at.active_days_30d > 0) ++used;
    PutMetric(numbering.ForMetric(metric.no, metric.name), at, history.users_seen, sink);
  }
  const std::optional<double> change = TotalChange(metrics, sums);
  if (last_day.has_value()) sink.Put("usage.days_since_last", static_cast<double>(sink.today() - *last_day));
  sink.Put("usage.change_30d", change);
  if (known > 0) sink.Put("usage.breadth_30d", static_cast<double>(used) / known);
  sink.Put("usage.seat_utilisation_30d", SeatUtilisation(history, sink));
  return used == 0 || (change.has_value() && *change <= kFallingUse);
}

}  // namespace perennial::accounts
