// Revenue of the plain model, from docs/facts.md.
#include <algorithm>

#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {
std::set<absl::Time> Moments(const PlainAccount& account, absl::Time as_of) {
  std::set<absl::Time> moments;
  for (const auto& [id, subscription] : account.subscriptions) {
    moments.insert(subscription.start);
    for (const auto& [since, state] : subscription.states) {
      moments.insert(since);
      if (state.has_end_time()) moments.insert(TimeOf(state.end_time()));
    }
  }
  moments.erase(moments.upper_bound(as_of), moments.end());
  return moments;
}

const v1::Subscription& StateAt(const PlainSubscription& subscription, absl::Time time) {
  auto later = subscription.states.upper_bound(time);
  if (later != subscription.states.begin()) --later;
  return later->second;
}

bool RunsAt(const PlainSubscription& subscription, absl::Time time) {
  const v1::Subscription& state = StateAt(subscription, time);
  return subscription.start <= time && (!state.has_end_time() || time < TimeOf(state.end_time()));
}

std::int64_t MrrAt(const PlainAccount& account, absl::Time time) {
  std::int64_t mrr = 0;
  for (const auto& [id, subscription] : account.subscriptions) {
    const v1::Subscription& state = StateAt(subscription, time);
    if (RunsAt(subscription, time) && !state.trial()) mrr += Millionths(state.mrr().amount());
  }
  return mrr;
}

std::vector<PlainMovement> MovementsBy(const PlainAccount& account, absl::Time as_of) {
  std::vector<PlainMovement> movements;
  std::int64_t before = 0;
  for (const absl::Time time : Moments(account, as_of)) {
    const std::int64_t mrr = MrrAt(account, time);
    if (mrr == before) continue;
    v1::MovementKind kind = mrr > before ? v1::MOVEMENT_KIND_EXPANSION : v1::MOVEMENT_KIND_CONTRACTION;
    if (mrr == 0) kind = v1::MOVEMENT_KIND_CHURN;
    if (before == 0) kind = movements.empty() ? v1::MOVEMENT_KIND_NEW : v1::MOVEMENT_KIND_REACTIVATION;
    movements.push_back({kind, time, mrr - before, mrr});
    before = mrr;
  }
  return movements;
}

}  // namespace perennial::accounts::testing
