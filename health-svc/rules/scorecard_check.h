#pragma once

#include "absl/status/status.h"
#include "perennial/health/v1/scorecard.pb.h"

namespace perennial::health {

// Bounds of a configuration; beyond them scoring a portfolio would no longer be quick.
constexpr int kMostScorecards = 100;
constexpr int kMostMeasures = 200;  // of a scorecard

// OK when every scorecard of the set can be used. Else INVALID_ARGUMENT that names every fault by its field, for
// example "scorecards[0].measures[2].weight must be greater than 0". Whether facts exist is not looked at: they may
// appear later.
absl::Status CheckScorecards(const v1::ScorecardSet& set);

}  // namespace perennial::health
