// Revenue and lifecycle of the plain model, from docs/facts.md and docs/lifecycle.md.
#include <algorithm>

#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

// Every moment until `as_of` at which anything about the account's subscriptions may change.
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

bool HasTrialAt(const PlainAccount& account, absl::Time time) {
  return std::any_of(account.subscriptions.begin(), account.subscriptions.end(), [&](const auto& entry) {
    return RunsAt(entry.second, time) && StateAt(entry.second, time).trial();
  });
}

// When onboarding that began with the first payment is over, and why.
PlainPhase EndOfOnboarding(const PlainAccount& account, absl::Time first_payment, absl::Time as_of) {
  PlainPhase end{v1::LIFECYCLE_PHASE_ADOPTION, first_payment + 90 * kDay, "onboarding took 90 days, the longest"};
  std::map<absl::Time, const v1::Milestone*> milestones;  // by time
  for (const auto& [key, states] : account.records) {
    const v1::Record& record = states.front();
    if (record.has_milestone() && TimeOf(record.event_time()) <= as_of) {
      milestones.emplace(TimeOf(record.event_time()), &record.milestone());
    }
  }
  for (const auto& [time, milestone] : milestones) {
    const bool first_value = milestone->step() == "first_value";
    if (!first_value && milestone->progress() < 1) continue;
    const absl::Time over = std::max(time, first_payment);
    if (over >= end.time) break;
    return {end.phase, over, first_value ? "first value was reached" : "onboarding progress reached 100 %"};
  }
  return end;
}

}  // namespace

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

std::vector<PlainPhase> PhasesBy(const PlainAccount& account, absl::Time as_of) {
  std::vector<PlainPhase> phases;
  // Of several changes at one moment the last is kept, and each enters another phase.
  const auto enter = [&](v1::LifecyclePhase phase, absl::Time time, const std::string& cause) {
    if (!phases.empty() && phases.back().time == time) phases.pop_back();
    if (phases.empty() || phases.back().phase != phase) phases.push_back({phase, time, cause});
  };
  const std::vector<PlainMovement> movements = MovementsBy(account, as_of);
  const absl::Time first_payment = movements.empty() ? absl::InfiniteFuture() : movements.front().time;
  for (const absl::Time time : Moments(account, as_of)) {
    if (time >= first_payment) break;
    if (!HasTrialAt(account, time)) continue;
    enter(v1::LIFECYCLE_PHASE_TRIAL, time, "a trial began");
    break;
  }
  if (movements.empty()) return phases;
  const PlainPhase onboarded = EndOfOnboarding(account, first_payment, as_of);
  for (std::size_t i = 0; i < movements.size(); ++i) {
    const PlainMovement& movement = movements[i];
    if (movement.mrr_after == 0) enter(v1::LIFECYCLE_PHASE_CHURNED, movement.time, "no paid subscription is left");
    const bool first = movement.kind == v1::MOVEMENT_KIND_NEW;
    if (!first && movement.kind != v1::MOVEMENT_KIND_REACTIVATION) continue;
    absl::Time end = as_of + absl::Microseconds(1);  // of this stretch of paying
    for (std::size_t j = movements.size() - 1; j > i; --j) {
      if (movements[j].mrr_after == 0) end = movements[j].time;
    }
    const std::string cause =
        first ? "the first paid subscription began" : "came back: a paid subscription began again";
    absl::Time adoption = movement.time;
    if (first || movement.time < onboarded.time) {
      enter(v1::LIFECYCLE_PHASE_ONBOARDING, movement.time, cause);
      if (onboarded.time >= end) continue;
      enter(onboarded.phase, onboarded.time, onboarded.cause);
      adoption = onboarded.time;
    } else {
      enter(v1::LIFECYCLE_PHASE_ADOPTION, movement.time, cause);
    }
    if (adoption + 180 * kDay < end) {
      enter(v1::LIFECYCLE_PHASE_SUCCESS, adoption + 180 * kDay, "in adoption and paying for 180 days");
    }
  }
  return phases;
}

}  // namespace perennial::accounts::testing
