#include "health-svc/shard/configuration_follower.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"
#include "health-svc/shard/configuration_feed.h"

namespace perennial::health {

ConfigurationFollower::ConfigurationFollower(const Shards& shards, Configurator& configurator,
                                             std::atomic<bool>& connected, std::function<void()> followed)
    : shards_(shards),
      configurator_(configurator),
      connected_(connected),
      followed_(std::move(followed)),
      follower_(
          "configuration", [this](grpc::ClientContext* context) { return Open(context); },
          [this](const auto& message) { return Apply(message); }, [this](const absl::Status&) { connected_ = false; }) {
}

std::unique_ptr<grpc::ClientReader<v1::WatchConfigurationResponse>> ConfigurationFollower::Open(
    grpc::ClientContext* context) {
  anew_ = false;
  collected_.clear();
  v1::WatchConfigurationRequest request;
  request.set_position(configurator_.followed_position());
  return shards_.replica(Shards::kKeeper).replicas->WatchConfiguration(context, request);
}

absl::Status ConfigurationFollower::Apply(const v1::WatchConfigurationResponse& message) {
  connected_ = true;
  anew_ = anew_ || message.from_start();
  for (const v1::ConfigurationRevision& revision : message.revisions()) collected_.push_back(FromMessage(revision));
  // What takes the place of everything must be whole.
  if (anew_ && !message.caught_up()) return absl::OkStatus();
  if (!collected_.empty()) {
    PERENNIAL_RETURN_IF_ERROR(configurator_.TakeFollowed(collected_, message.position(), anew_));
  }
  anew_ = false;
  collected_.clear();
  if (message.caught_up() && followed_) std::exchange(followed_, nullptr)();
  return absl::OkStatus();
}

}  // namespace perennial::health
