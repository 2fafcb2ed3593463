#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "perennial/segments/v1/segment_service.pb.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// The rules of SegmentService for definitions; errors as its proto says. Safe to use from many threads.
class Segments {
 public:
  // Names whatever but a segment refers to the segment of an id, for people ("engagementModels/vip"). Called while no
  // definition changes.
  using Users = std::function<std::vector<std::string>(const std::string& id)>;

  // `engine` must outlive this.
  explicit Segments(SegmentEngine& engine, Users users = nullptr) : engine_(engine), users_(std::move(users)) {}

  absl::StatusOr<v1::CreateSegmentResponse> Create(const v1::CreateSegmentRequest& request);
  absl::StatusOr<v1::GetSegmentResponse> Get(const v1::GetSegmentRequest& request) const;
  absl::StatusOr<v1::ListSegmentsResponse> List(const v1::ListSegmentsRequest& request) const;
  absl::StatusOr<v1::UpdateSegmentResponse> Update(const v1::UpdateSegmentRequest& request);
  absl::StatusOr<v1::DeleteSegmentResponse> Delete(const v1::DeleteSegmentRequest& request);

 private:
  SegmentEngine& engine_;
  const Users users_;
};

// NOT_FOUND for the segment of that id.
absl::Status NoSuchSegment(absl::string_view id);

}  // namespace perennial::segments
