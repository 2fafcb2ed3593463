#include <algorithm>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/facts/fact_groups.h"

namespace perennial::accounts {
namespace {

void PutWindow(absl::string_view window, absl::Time begin, const std::vector<MrrPoint>& mrr,
               const std::vector<Movement>& movements, FactSink& sink) {
  Micros start = 0;
  for (const MrrPoint& point : mrr) {
    if (point.time < begin) start = point.mrr;
  }
  Micros sums[6] = {};
  for (const Movement& movement : movements) {
    if (movement.time >= begin) sums[static_cast<int>(movement.kind)] += movement.amount;
  }
  const auto put = [&](absl::string_view name, Micros amount) {
    sink.Put(absl::StrCat("revenue.", name, "_", window), NumberOfMicros(amount));
  };
  put("start", start);
  put("new", sums[static_cast<int>(MovementKind::kNew)]);
  put("expansion", sums[static_cast<int>(MovementKind::kExpansion)]);
  put("contraction", -sums[static_cast<int>(MovementKind::kContraction)]);
  put("churned", -sums[static_cast<int>(MovementKind::kChurn)]);
  put("reactivated", sums[static_cast<int>(MovementKind::kReactivation)]);
}

void PutActive(const std::vector<SubscriptionVersion>& active, FactSink& sink) {
  std::int64_t seats = 0;
  bool paid = false;
  bool trial = false;
  const SubscriptionVersion* main = nullptr;
  // A trial counts no MRR, so that it never stands before what is paid.
  const auto rank = [](const SubscriptionVersion& version) {
    return std::pair(version.state.trial ? Micros{0} : version.state.mrr, version.state.mrr);
  };
  std::optional<absl::Time> trial_end;
  const SubscriptionVersion* renews = nullptr;
  for (const SubscriptionVersion& version : active) {
    seats += version.state.seats;
    if (main == nullptr || rank(version) > rank(*main)) main = &version;
    trial = trial || version.state.trial;
    if (!version.state.trial && version.state.mrr > 0) {
      paid = true;
      const auto& renewal = version.state.renewal;
      if (renewal.has_value() && (renews == nullptr || *renewal < *renews->state.renewal)) renews = &version;
    }
    if (version.state.trial && version.state.trial_end.has_value()) {
      trial_end = std::min(trial_end.value_or(absl::InfiniteFuture()), *version.state.trial_end);
    }
  }
  sink.Put("seats", static_cast<double>(seats));
  sink.PutFlag("is_trial", trial && !paid);
  if (main != nullptr) sink.PutText("plan", main->state.plan);
  if (trial_end.has_value()) sink.Put("trial_days_left", -sink.DaysSince(*trial_end));
  if (renews != nullptr) {
    sink.Put("renewal_days", -sink.DaysSince(*renews->state.renewal));
    sink.PutFlag("auto_renew", renews->state.auto_renew);
  } else if (main != nullptr) {
    sink.PutFlag("auto_renew", main->state.auto_renew);
  }
}

}  // namespace

void PutRevenueFacts(const AccountHistory& history, const std::vector<MrrPoint>& mrr, FactSink& sink) {
  if (history.subscriptions.empty()) return;  // we know nothing of its revenue, which is not zero
  const Micros present = mrr.empty() ? 0 : mrr.back().mrr;
  sink.Put("mrr", NumberOfMicros(present));
  sink.Put("arr", static_cast<double>(absl::int128(present) * 12) / kMicrosPerUnit);
  PutActive(ActiveAt(history.subscriptions, sink.as_of()), sink);
  const std::vector<Movement> movements = MovementsOf(mrr);
  PutWindow("30d", sink.WindowStart(30), mrr, movements, sink);
  PutWindow("90d", sink.WindowStart(90), mrr, movements, sink);
  PutWindow("365d", sink.WindowStart(365), mrr, movements, sink);
}

}  // namespace perennial::accounts
