#pragma once

#include "absl/status/statusor.h"
#include "perennial/segments/v1/segment_service.pb.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// The rules of SegmentService for definitions; errors as its proto says. Safe to use from many threads.
class Segments {
 public:
  // Must outlive this.
  explicit Segments(SegmentEngine& engine) : engine_(engine) {}

  absl::StatusOr<v1::CreateSegmentResponse> Create(const v1::CreateSegmentRequest& request);
  absl::StatusOr<v1::GetSegmentResponse> Get(const v1::GetSegmentRequest& request) const;
  absl::StatusOr<v1::ListSegmentsResponse> List(const v1::ListSegmentsRequest& request) const;
  absl::StatusOr<v1::UpdateSegmentResponse> Update(const v1::UpdateSegmentRequest& request);
  absl::StatusOr<v1::DeleteSegmentResponse> Delete(const v1::DeleteSegmentRequest& request);

 private:
  SegmentEngine& engine_;
};

// NOT_FOUND for the segment of that id.
absl::Status NoSuchSegment(absl::string_view id);

}  // namespace perennial::segments
