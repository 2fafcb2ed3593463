#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "health-svc/store/config_store.h"
#include "perennial/health/v1/replica_service.pb.h"

namespace perennial::health {

// What one reader of WatchConfiguration is sent, message by message: revisions of scorecards and flag rules after where
// it stands, in the order in which they were stored. For one thread at a time; blocks on the store when there is
// something new.
class ConfigurationFeed {
 public:
  // `store` must outlive this. `position` is where the reader stands; empty for the start.
  ConfigurationFeed(ConfigStore& store, std::string position) : store_(store), start_(std::move(position)) {}

  // The next message; nothing while the reader has everything. Begins anew where the position is none of this store: it
  // was put back to an earlier state, or is another one. INVALID_ARGUMENT for text that is no position.
  absl::StatusOr<std::optional<v1::WatchConfigurationResponse>> Next();

 private:
  // Where to begin; 0 for the start.
  absl::StatusOr<std::int64_t> Begin();

  ConfigStore& store_;
  const std::string start_;
  std::int64_t sent_ = -1;  // -1: nothing yet
  std::string position_;
};

// A revision as it is sent, and back.
v1::ConfigurationRevision ToMessage(const ConfigRevision& revision);
ConfigRevision FromMessage(const v1::ConfigurationRevision& message);

}  // namespace perennial::health
