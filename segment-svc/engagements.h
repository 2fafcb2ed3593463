#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "perennial/segments/v1/engagement_service.pb.h"
#include "segment-svc/engagement_book.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// The rules of EngagementService for accounts: models, managers and touches; errors as its proto says. Safe to use from
// many threads.
class Engagements {
 public:
  // Both must outlive this. Facts carry money in `currency`.
  Engagements(const SegmentEngine& engine, EngagementBook& book, std::string currency)
      : engine_(engine), book_(book), currency_(std::move(currency)) {}

  absl::StatusOr<v1::GetEngagementResponse> Get(const v1::GetEngagementRequest& request) const;
  absl::StatusOr<v1::ListDueTouchesResponse> ListDueTouches(const v1::ListDueTouchesRequest& request) const;
  absl::StatusOr<v1::AssignAccountsResponse> Assign(const v1::AssignAccountsRequest& request);
  absl::StatusOr<v1::GetCoverageResponse> GetCoverage(const v1::GetCoverageRequest& request) const;

 private:
  absl::StatusOr<v1::AssignAccountsResponse> Plan(const v1::AssignAccountsRequest& request,
                                                  const std::string& manager_id) const;

  const SegmentEngine& engine_;
  EngagementBook& book_;
  const std::string currency_;
  Mutex assigning_;  // from making a proposal to storing it
};

}  // namespace perennial::segments
