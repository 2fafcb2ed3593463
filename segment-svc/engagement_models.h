#pragma once

#include "absl/status/statusor.h"
#include "perennial/segments/v1/engagement_service.pb.h"
#include "segment-svc/engagement_book.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// The rules of EngagementService for models; errors as its proto says. Safe to use from many threads.
class EngagementModels {
 public:
  // Both must outlive this.
  EngagementModels(SegmentEngine& engine, EngagementBook& book) : engine_(engine), book_(book) {}

  absl::StatusOr<v1::CreateEngagementModelResponse> Create(const v1::CreateEngagementModelRequest& request);
  absl::StatusOr<v1::GetEngagementModelResponse> Get(const v1::GetEngagementModelRequest& request) const;
  absl::StatusOr<v1::ListEngagementModelsResponse> List(const v1::ListEngagementModelsRequest& request) const;
  absl::StatusOr<v1::UpdateEngagementModelResponse> Update(const v1::UpdateEngagementModelRequest& request);
  absl::StatusOr<v1::DeleteEngagementModelResponse> Delete(const v1::DeleteEngagementModelRequest& request);

 private:
  SegmentEngine& engine_;
  EngagementBook& book_;
};

// NOT_FOUND for the model of that id.
absl::Status NoSuchModel(absl::string_view id);
// The model as answers have it.
v1::EngagementModel ToAnswer(v1::EngagementModel model);

}  // namespace perennial::segments
