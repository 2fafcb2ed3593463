#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "common/feed/freshness.h"
#include "common/feed/stream_follower.h"
#include "common/server/metrics_scope.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "segment-svc/score_follower.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/value_follower.h"

namespace perennial::segments {

// Follows accounts-svc and all shards of health-svc into an engine for as long as it lives.
class Feeds {
 public:
  // `engine` must outlive this, and have as many feeds of scores as there are channels in `health`; `freshness` too, where it is not
  // null. Facts whose money is in another currency than `currency` are refused, with what to do in the log: the engine never
  // gets ready then, rather than call dollars euros.
  Feeds(SegmentEngine& engine, std::string currency, const std::shared_ptr<grpc::Channel>& accounts,
        const std::vector<std::shared_ptr<grpc::Channel>>& health, Freshness* freshness = nullptr);

  // Adds how far each feed lags; `metrics` is closed before this goes.
  void Measure(MetricsScope& metrics);

 private:
  std::unique_ptr<grpc::ClientReader<perennial::accounts::v1::WatchFactsResponse>> OpenFacts(
      grpc::ClientContext* context);

  [[nodiscard]] absl::Status CheckCurrency(const perennial::accounts::v1::WatchFactsResponse& message) const;

  SegmentEngine& engine_;
  const std::string currency_;
  Freshness* const freshness_;
  const std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts_;
  StreamFollower<perennial::accounts::v1::WatchFactsResponse> follow_facts_;
  std::vector<std::unique_ptr<ScoreFollower>> follow_scores_;
  std::vector<std::unique_ptr<ValueFollower>> follow_values_;
};

}  // namespace perennial::segments
