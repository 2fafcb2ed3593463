#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/status.h"
#include "common/feed/stream_follower.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

// Follows accounts-svc and health-svc into an engine for as long as it lives.
class Feeds {
 public:
  // `engine` must outlive this.
  Feeds(SegmentEngine& engine, const std::shared_ptr<grpc::Channel>& accounts,
        const std::shared_ptr<grpc::Channel>& health);

 private:
  std::unique_ptr<grpc::ClientReader<perennial::accounts::v1::WatchFactsResponse>> OpenFacts(
      grpc::ClientContext* context);
  std::unique_ptr<grpc::ClientReader<perennial::health::v1::WatchHealthScoresResponse>> OpenScores(
      grpc::ClientContext* context);
  absl::Status ApplyScores(const perennial::health::v1::WatchHealthScoresResponse& message);
  absl::Status LearnFlagRules();

  SegmentEngine& engine_;
  const std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts_;
  const std::unique_ptr<perennial::health::v1::HealthScoreService::Stub> scores_;
  const std::unique_ptr<perennial::health::v1::FlagService::Stub> flags_;
  bool rules_known_ = false;  // since the stream was opened; of the thread that follows scores
  StreamFollower<perennial::accounts::v1::WatchFactsResponse> follow_facts_;
  StreamFollower<perennial::health::v1::WatchHealthScoresResponse> follow_scores_;
};

}  // namespace perennial::segments
