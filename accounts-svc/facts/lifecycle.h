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

// The phases of an account until `as_of`, oldest first: a pure function of its history, which holds the rules and the
// moves by hand, and of its MRR. docs/lifecycle.md says the same to users.
//   TRIAL       a trial began and nothing was paid before
//   ONBOARDING  MRR began for the first time
//   ADOPTION    onboarding is over; also after coming back
//   SUCCESS     in adoption for so long, paying all the while
//   CHURNED     MRR went to zero, and stayed there for the time of grace
// A move sets the phase from its moment on, and all that the rules count begins there. Each change is later than the
// one before it and enters another phase: of several changes at one moment the last one counts, in the order MRR,
// rules, move. What follows after T never changes what was entered until T.
//
// An account without a subscription or a move, and one that never paid and never tried, has no phase.
std::vector<PhaseChange> PhaseTimeline(const AccountHistory& history, const std::vector<MrrPoint>& mrr,
                                       absl::Time as_of);

// When the present onboarding began: the first day of a subscription (trial or not). InfiniteFuture when there was
// none.
absl::Time OnboardingStart(const AccountHistory& history);

}  // namespace perennial::accounts
