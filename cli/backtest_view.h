#pragma once

#include "cli/text.h"
#include "perennial/health/v1/scorecard_service.pb.h"

namespace perennial::cli {

// How well a scorecard told who churns, for a terminal of `width` columns.
Page RenderBacktest(const perennial::health::v1::BacktestScorecardRequest& asked,
                    const perennial::health::v1::BacktestScorecardResponse& answer, int width);

}  // namespace perennial::cli
