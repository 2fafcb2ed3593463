#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "common/facts/fact_catalogue.h"
#include "perennial/health/v1/scorecard.pb.h"

namespace perennial::health {

// Bounds of a configuration; beyond them scoring a portfolio would no longer be quick.
constexpr int kMostScorecards = 100;
constexpr int kMostMeasures = 200;  // of a scorecard
constexpr int kMostCarryDays = 366;

// OK when every scorecard of the set can be used. Else INVALID_ARGUMENT that names every fault by its field, for
// example "scorecards[0].measures[2].weight must be greater than 0". Whether facts exist is not looked at: they may
// appear later.
absl::Status CheckScorecards(const v1::ScorecardSet& set);

// Whether a text may be the id of a scorecard.
bool IsScorecardId(absl::string_view id);

// Adds every fault of one scorecard (its id and revision apart) to `faults`, fields under `at`. Whether facts exist is
// not looked at.
void CheckScorecard(const v1::Scorecard& card, const std::string& at, BadRequest& faults);

// Adds what a scorecard names that the catalogue does not have, or has otherwise than the scorecard needs it. Facts of
// usage metrics and attributes that nobody has yet are allowed as measures: they may come.
void CheckFactsOf(const v1::Scorecard& card, const facts::FactCatalogue& catalogue, const std::string& at,
                  BadRequest& faults);

// The last of the scorecards in order of priority when it does not apply to all accounts; null when it does. Some
// account would have no scorecard then.
const v1::Scorecard* LastWithFilter(const v1::ScorecardSet& set);

}  // namespace perennial::health
