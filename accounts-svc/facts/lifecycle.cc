#include "accounts-svc/facts/lifecycle.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace perennial::accounts {
namespace {

struct Onboarded {
  absl::Time time = absl::InfiniteFuture();
  std::string cause;
};

// The earliest reason for which onboarding that began at `start` is over.
Onboarded EndOfOnboarding(const AccountHistory& history, absl::Time start, const LifecycleRules& rules) {
  Onboarded end{start + rules.longest_onboarding,
                absl::StrCat("onboarding took ", absl::ToInt64Hours(rules.longest_onboarding) / 24, " days, the longest")};
  for (const Milestone& milestone : history.milestones) {
    const bool first_value = milestone.step == "first_value";
    if (!first_value && milestone.progress.value_or(0) < 1) continue;
    const absl::Time time = std::max(milestone.time, start);
    if (time < end.time) end = {time, first_value ? "first value was reached" : "onboarding progress reached 100 %"};
  }
  return end;
}

std::optional<absl::Time> FirstTrial(const AccountHistory& history) {
  std::optional<absl::Time> first;
  for (const SubscriptionVersion& version : history.subscriptions) {
    const absl::Time from = std::max(version.start, version.effective);
    if (version.state.trial && (!first.has_value() || from < *first)) first = from;
  }
  return first;
}

// Adds the phases of one unbroken stretch of paying, `begin` to `end`.
void AddPayingPhases(const Onboarded& onboarded, absl::Time begin, absl::Time end, const LifecycleRules& rules,
                     std::vector<PhaseChange>& phases) {
  if (onboarded.time >= end) return;
  const absl::Time adoption = std::max(onboarded.time, begin);
  if (phases.back().phase == Phase::kOnboarding) phases.push_back({Phase::kAdoption, adoption, onboarded.cause});
  const absl::Time success = adoption + rules.adoption_to_success;
  if (success < end) {
    phases.push_back({Phase::kSuccess, success,
                      absl::StrCat("in adoption and paying for ", absl::ToInt64Hours(rules.adoption_to_success) / 24,
                                   " days")});
  }
}

}  // namespace

absl::string_view NameOf(Phase phase) {
  switch (phase) {
    case Phase::kUnknown: return "";
    case Phase::kTrial: return "TRIAL";
    case Phase::kOnboarding: return "ONBOARDING";
    case Phase::kAdoption: return "ADOPTION";
    case Phase::kSuccess: return "SUCCESS";
    case Phase::kChurned: return "CHURNED";
  }
  return "";
}

absl::Time OnboardingStart(const AccountHistory& history) {
  absl::Time start = absl::InfiniteFuture();
  for (const SubscriptionVersion& version : history.subscriptions) start = std::min(start, version.start);
  return start;
}

std::vector<PhaseChange> PhaseTimeline(const AccountHistory& history, const std::vector<MrrPoint>& mrr, absl::Time as_of,
                                       const LifecycleRules& rules) {
  std::vector<PhaseChange> phases;
  const auto trial = FirstTrial(history);
  if (trial.has_value() && *trial <= as_of && (mrr.empty() || *trial < mrr.front().time)) {
    phases.push_back({Phase::kTrial, *trial, "a trial began"});
  }
  if (mrr.empty()) return phases;
  const Onboarded onboarded = EndOfOnboarding(history, mrr.front().time, rules);
  Micros before = 0;
  for (std::size_t i = 0; i < mrr.size(); ++i) {
    if (mrr[i].mrr == 0) {
      phases.push_back({Phase::kChurned, mrr[i].time, "no paid subscription is left"});
    } else if (before == 0) {
      const bool back = i > 0;
      const bool was_onboarded = onboarded.time <= mrr[i].time;
      phases.push_back({was_onboarded && back ? Phase::kAdoption : Phase::kOnboarding, mrr[i].time,
                        back ? "came back: a paid subscription began again" : "the first paid subscription began"});
      std::size_t next = i + 1;
      while (next < mrr.size() && mrr[next].mrr != 0) ++next;
      const absl::Time end = next < mrr.size() ? mrr[next].time : as_of + absl::Nanoseconds(1);
      AddPayingPhases(onboarded, mrr[i].time, end, rules, phases);
    }
    before = mrr[i].mrr;
  }
  return phases;
}

}  // namespace perennial::accounts
