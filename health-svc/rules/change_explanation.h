#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "health-svc/rules/scorecard.h"
#include "perennial/health/v1/health_score.pb.h"

namespace perennial::health {

// One end of a change of score.
struct ScoreMoment {
  const Evaluation& evaluation;
  const facts::RowReader& facts;
  // The score that was shown: that of an override where one stood.
  std::optional<double> shown;
};

// Says why the score moved from `before` to `after`: parts that add up to the difference of the shown scores (within
// 1e-9), largest first. None when either is unknown.
//
// The method, in this order; each part is what its step alone changes:
//   1. configuration: the facts of before, scored by the scorecard of after (`before_by_after`) instead of that of
//   before;
//   2. data: measures known at both ends take their new values, in the order of the scorecard;
//   3. missing: measures that appeared, then measures that vanished, then those missing at both ends whose carried value
//      began or ended to count, each in the order of the scorecard;
//   4. exceptions, by what each did at both ends;
//   5. override: how far the shown scores are from those.
// A part that is exactly 0 is left out.
std::vector<v1::ScoreChangePart> ExplainChange(const ScoreMoment& before, const ScoreMoment& after,
                                               const Evaluation& before_by_after,
                                               const facts::FactCatalogue& catalogue);

}  // namespace perennial::health
