#pragma once

#include <string>

#include "perennial/health/v1/scorecard.pb.h"

namespace perennial::bench {

// One scorecard for all accounts of SampleTable: twelve measures in four groups, curves of every kind, a variant, a
// measure that counts 50 while it is missing, three bands, two exceptions.
perennial::health::v1::ScorecardSet TwelveMeasures();

// "SELECT score, coverage, band FROM ..." that computes what such a scorecard does; band counts from 1, the lowest. For
// scorecards whose filters are one comparison that reads the same in SQL.
std::string ScoreSql(const perennial::health::v1::Scorecard& card, const std::string& table);

}  // namespace perennial::bench
