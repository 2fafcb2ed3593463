#pragma once

#include <vector>

#include "absl/time/time.h"
#include "accounts-svc/model.h"

namespace perennial::accounts {

// Total MRR of an account from a moment until the next point.
struct MrrPoint {
  absl::Time time;
  Micros mrr = 0;
};

// The state of each subscription that has started and not ended at `time`: active ones.
std::vector<SubscriptionVersion> ActiveAt(const std::vector<SubscriptionVersion>& versions, absl::Time time);

// How the account's MRR ran until `as_of`: one point a change, ascending, changes at the same moment merged. Trials count
// nothing; an end counts when it has come.
std::vector<MrrPoint> MrrTimeline(const std::vector<SubscriptionVersion>& versions, absl::Time as_of);

// The revenue ledger that follows from a timeline: its amounts up to any moment add up to the MRR then.
std::vector<Movement> MovementsOf(const std::vector<MrrPoint>& timeline);

}  // namespace perennial::accounts
