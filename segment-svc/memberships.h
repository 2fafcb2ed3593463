#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "perennial/segments/v1/segment_service.pb.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/segment_store.h"

namespace perennial::segments {

// The rules of SegmentService for members; errors as its proto says. Safe to use from many threads.
class Memberships {
 public:
  // Both must outlive this.
  Memberships(const SegmentEngine& engine, SegmentStore& store) : engine_(engine), store_(store) {}

  absl::StatusOr<v1::ListMembersResponse> ListMembers(const v1::ListMembersRequest& request) const;
  absl::StatusOr<v1::ListAccountSegmentsResponse> ListAccountSegments(
      const v1::ListAccountSegmentsRequest& request) const;

 private:
  const SegmentEngine& engine_;
  SegmentStore& store_;
};

// One call of WatchMembership: where its reader stands. For one thread at a time.
class MembershipWatch {
 public:
  // At most this many revisions are looked at for one message.
  static constexpr std::int64_t kMostRevisions = 1000;

  // Both must outlive this.
  MembershipWatch(const SegmentEngine& engine, SegmentStore& store, v1::WatchMembershipRequest request)
      : engine_(engine), store_(store), request_(std::move(request)) {}

  // The next message; nothing when the reader has everything. The first call checks the request.
  absl::StatusOr<std::optional<v1::WatchMembershipResponse>> Next();

 private:
  absl::Status Start();
  absl::Status CheckFeed(std::int64_t last_revision);

  const SegmentEngine& engine_;
  SegmentStore& store_;
  const v1::WatchMembershipRequest request_;
  std::string segment_id_;
  std::string feed_id_;
  bool started_ = false;
  bool told_caught_up_ = false;
  std::int64_t revision_ = 0;
  std::int64_t facts_revision_ = 0;
};

}  // namespace perennial::segments
