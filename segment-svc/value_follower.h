#pragma once

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <memory>

#include "common/feed/stream_follower.h"
#include "perennial/health/v1/value_service.grpc.pb.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// Follows the values of one health-svc, which may be one of several shards, into an engine for as long as it lives.
class ValueFollower {
 public:
  // `engine` must outlive this. `feed` counts the feeds of the engine from 0.
  ValueFollower(SegmentEngine& engine, const std::shared_ptr<grpc::Channel>& health, std::size_t feed);

  // StreamFollower::lag_seconds().
  [[nodiscard]] double lag_seconds() const { return follower_.lag_seconds(); }

 private:
  std::unique_ptr<grpc::ClientReader<perennial::health::v1::WatchValuesResponse>> Open(grpc::ClientContext* context);

  SegmentEngine& engine_;
  const std::size_t feed_;
  const std::unique_ptr<perennial::health::v1::ValueService::Stub> values_;
  StreamFollower<perennial::health::v1::WatchValuesResponse> follower_;
};

}  // namespace perennial::segments
