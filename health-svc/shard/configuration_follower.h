#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "common/feed/stream_follower.h"
#include "health-svc/configurator.h"
#include "health-svc/shard/shards.h"
#include "perennial/health/v1/replica_service.pb.h"

namespace perennial::health {

// Follows the scorecards and flag rules of the replica that keeps them, for as long as it lives.
class ConfigurationFollower {
 public:
  // All must outlive this; the configurator has an assessor by then. `followed` is called once, on a thread of this,
  // when everything that the keeper had has been put in force for the first time. `connected` is true while the keeper
  // is followed.
  ConfigurationFollower(const Shards& shards, Configurator& configurator, std::atomic<bool>& connected,
                        std::function<void()> followed);

 private:
  std::unique_ptr<grpc::ClientReader<v1::WatchConfigurationResponse>> Open(grpc::ClientContext* context);
  absl::Status Apply(const v1::WatchConfigurationResponse& message);

  const Shards& shards_;
  Configurator& configurator_;
  std::atomic<bool>& connected_;
  std::function<void()> followed_;
  // Of the stream that is read: whether it began anew, and what has come of it since.
  bool anew_ = false;
  std::vector<ConfigRevision> collected_;
  StreamFollower<v1::WatchConfigurationResponse> follower_;  // last: it uses the others
};

}  // namespace perennial::health
