#pragma once

#include "absl/status/statusor.h"
#include "perennial/segments/v1/segment_service.pb.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/segment_store.h"

namespace perennial::segments {

// The rules of SegmentService for members that people choose, and for the history of definitions; errors as its proto
// says. Safe to use from many threads.
class MemberDecisions {
 public:
  // Both must outlive this.
  MemberDecisions(SegmentEngine& engine, SegmentStore& store) : engine_(engine), store_(store) {}

  absl::StatusOr<v1::AddMemberResponse> Add(const v1::AddMemberRequest& request);
  absl::StatusOr<v1::RemoveMemberResponse> Remove(const v1::RemoveMemberRequest& request);
  absl::StatusOr<v1::ResetMemberResponse> Reset(const v1::ResetMemberRequest& request);
  absl::StatusOr<v1::ListMemberDecisionsResponse> List(const v1::ListMemberDecisionsRequest& request) const;
  absl::StatusOr<v1::ListSegmentHistoryResponse> ListHistory(const v1::ListSegmentHistoryRequest& request) const;

 private:
  SegmentEngine& engine_;
  SegmentStore& store_;
};

}  // namespace perennial::segments
