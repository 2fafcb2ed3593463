#pragma once

#include "absl/status/statusor.h"
#include "perennial/segments/v1/engagement_service.pb.h"
#include "segment-svc/engagement_book.h"

namespace perennial::segments {

// The rules of EngagementService for managers; errors as its proto says. Safe to use from many threads.
class EngagementManagers {
 public:
  // Must outlive this.
  explicit EngagementManagers(EngagementBook& book) : book_(book) {}

  absl::StatusOr<v1::CreateManagerResponse> Create(const v1::CreateManagerRequest& request);
  absl::StatusOr<v1::GetManagerResponse> Get(const v1::GetManagerRequest& request) const;
  absl::StatusOr<v1::ListManagersResponse> List(const v1::ListManagersRequest& request) const;
  absl::StatusOr<v1::UpdateManagerResponse> Update(const v1::UpdateManagerRequest& request);
  absl::StatusOr<v1::DeleteManagerResponse> Delete(const v1::DeleteManagerRequest& request);

 private:
  EngagementBook& book_;
};

// NOT_FOUND for the manager of that id.
absl::Status NoSuchManager(absl::string_view id);
// The manager as answers have it.
v1::Manager ToAnswer(v1::Manager manager);
// What the fact `owner` says of the manager's accounts.
inline std::string OwnerOf(const v1::Manager& manager) {
  return manager.owner().empty() ? IdIn(manager.name()) : manager.owner();
}

}  // namespace perennial::segments
