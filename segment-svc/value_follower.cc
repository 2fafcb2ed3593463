#include "segment-svc/value_follower.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace perennial::segments {

ValueFollower::ValueFollower(SegmentEngine& engine, const std::shared_ptr<grpc::Channel>& health, std::size_t feed)
    : engine_(engine),
      feed_(feed),
      values_(perennial::health::v1::ValueService::NewStub(health)),
      follower_(
          feed == 0 ? std::string("values") : absl::StrCat("values ", feed),
          [this](grpc::ClientContext* context) { return Open(context); },
          [this](const auto& message) { return engine_.Apply(message, feed_); },
          [this](const absl::Status& status) {
            // health-svc keeps no values: each start of it is another feed.
            if (absl::IsOutOfRange(status)) engine_.RewindValues(feed_);
          }) {}

std::unique_ptr<grpc::ClientReader<perennial::health::v1::WatchValuesResponse>> ValueFollower::Open(
    grpc::ClientContext* context) {
  perennial::health::v1::WatchValuesRequest request;
  request.set_start_revision(engine_.values_resume(feed_));
  request.set_feed_id(engine_.values_feed_id(feed_));
  request.set_replica_only(true);
  return values_->WatchValues(context, request);
}

}  // namespace perennial::segments
