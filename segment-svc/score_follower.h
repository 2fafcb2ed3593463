#pragma once

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "common/feed/stream_follower.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// Follows the scores of one health-svc, which may be one of several shards, into an engine for as long as it lives.
class ScoreFollower {
 public:
  // `engine` must outlive this. `feed` counts the feeds of the engine from 0.
  ScoreFollower(SegmentEngine& engine, const std::shared_ptr<grpc::Channel>& health, std::size_t feed);

  // StreamFollower::lag_seconds().
  [[nodiscard]] double lag_seconds() const { return follower_.lag_seconds(); }

 private:
  std::unique_ptr<grpc::ClientReader<perennial::health::v1::WatchHealthScoresResponse>> Open(
      grpc::ClientContext* context);
  absl::Status Apply(const perennial::health::v1::WatchHealthScoresResponse& message);
  absl::Status LearnFlagRules();

  SegmentEngine& engine_;
  const std::size_t feed_;
  const std::unique_ptr<perennial::health::v1::HealthScoreService::Stub> scores_;
  const std::unique_ptr<perennial::health::v1::FlagService::Stub> flags_;
  std::set<std::string> rules_;  // that are known; of the follower's thread, as is the next
  bool rules_known_ = false;     // since the stream was opened
  StreamFollower<perennial::health::v1::WatchHealthScoresResponse> follower_;
};

}  // namespace perennial::segments
