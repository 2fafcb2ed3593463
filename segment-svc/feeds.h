#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "common/feed/stream_follower.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "segment-svc/score_follower.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/value_follower.h"

namespace perennial::segments {

// Follows accounts-svc and all shards of health-svc into an engine for as long as it lives.
class Feeds {
 public:
  // `engine` must outlive this, and have as many feeds of scores as there are channels in `health`.
  Feeds(SegmentEngine& engine, const std::shared_ptr<grpc::Channel>& accounts,
        const std::vector<std::shared_ptr<grpc::Channel>>& health);

 private:
  std::unique_ptr<grpc::ClientReader<perennial::accounts::v1::WatchFactsResponse>> OpenFacts(
      grpc::ClientContext* context);

  SegmentEngine& engine_;
  const std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts_;
  StreamFollower<perennial::accounts::v1::WatchFactsResponse> follow_facts_;
  std::vector<std::unique_ptr<ScoreFollower>> follow_scores_;
  std::vector<std::unique_ptr<ValueFollower>> follow_values_;
};

}  // namespace perennial::segments
