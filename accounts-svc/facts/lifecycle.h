#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "accounts-svc/facts/revenue.h"
#include "accounts-svc/model.h"

namespace perennial::accounts {

// "TRIAL", "ONBOARDING", "ADOPTION", "SUCCESS", "CHURNED"; empty for kUnknown.
absl::string_view NameOf(Phase phase);

// When phases change. docs/lifecycle.md says the same to users.
struct LifecycleRules {
  // Onboarding ends at the latest after so long, reached or not: after it an account is judged as an established one.
  absl::Duration longest_onboarding = absl::Hours(24 * 90);
  // Adoption becomes success after so long of paying without interruption.
  absl::Duration adoption_to_success = absl::Hours(24 * 180);
};

// The phases of an account until `as_of`, oldest first: a pure function of its subscriptions and milestones.
//   TRIAL       a trial began and nothing was paid before
//   ONBOARDING  MRR began for the first time
//   ADOPTION    onboarding progress 100 %, first value, or the longest onboarding has passed; also after coming back
//   SUCCESS     in adoption for so long, paying all the while
//   CHURNED     MRR went to zero
// An account without any subscription has no phase.
std::vector<PhaseChange> PhaseTimeline(const AccountHistory& history, const std::vector<MrrPoint>& mrr, absl::Time as_of,
                                       const LifecycleRules& rules = {});

// When the present onboarding began: the first day of a subscription (trial or not). InfiniteFuture when there was none.
absl::Time OnboardingStart(const AccountHistory& history);

}  // namespace perennial::accounts
