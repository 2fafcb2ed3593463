#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "health-svc/portfolio.h"
#include "perennial/health/v1/health_score_service.pb.h"
#include "perennial/health/v1/replica_service.pb.h"

namespace perennial::health {

// Most accounts that may lie below the one that is asked for.
constexpr std::size_t kMostBelow = 10'000;

// OUT_OF_RANGE: more than kMostBelow.
absl::Status HierarchyTooLarge();

// What a row adds to a roll-up. Under a ReadLock, as are all below that take a portfolio.
v1::HierarchyPart HierarchyPartOf(const Portfolio& portfolio, facts::RowId row);

// Those of the request's accounts and of the children of its parents that the portfolio has, each once. UNAVAILABLE
// while facts are still being read after a start, OUT_OF_RANGE.
absl::StatusOr<v1::ListHierarchyPartsResponse> ListHierarchyParts(const Portfolio& portfolio,
                                                                  const v1::ListHierarchyPartsRequest& request);
// INVALID_ARGUMENT when something in the request is wrong.
absl::Status CheckHierarchyParts(const v1::ListHierarchyPartsRequest& request);

// The mean of all parts that count, each once; without band and facts_revision.
v1::GetHealthScoreRollUpResponse RollUpOf(const std::vector<v1::HierarchyPart>& parts);

// Sets the band that a known score lies in, by the scorecard of that id, or the last one when there is none.
void SetBand(const Portfolio& portfolio, absl::string_view scorecard_id, v1::GetHealthScoreRollUpResponse& response);

}  // namespace perennial::health
