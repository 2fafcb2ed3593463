#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "health-svc/portfolio.h"
#include "perennial/health/v1/flag_service.pb.h"

namespace perennial::health {

// What one reader of WatchFlags is sent, message by message: the newest state of each flag after where it stands, in
// order of revision. For one thread at a time.
class FlagFeed {
 public:
  // Both must outlive this. `feed_id` is what the reader knows the feed by; it may be empty.
  FlagFeed(const Portfolio& portfolio, const Clock& clock, std::int64_t start_revision, std::string feed_id = {})
      : portfolio_(portfolio),
        clock_(clock),
        start_(start_revision),
        known_as_(std::move(feed_id)),
        sent_(start_revision) {}

  // The next message; nothing while the reader has everything. INVALID_ARGUMENT for a negative start, OUT_OF_RANGE for
  // one that was never given out, or of another feed than this.
  absl::StatusOr<std::optional<v1::WatchFlagsResponse>> Next();

 private:
  const Portfolio& portfolio_;
  const Clock& clock_;
  const std::int64_t start_;
  const std::string known_as_;
  std::int64_t sent_;
  bool started_ = false;
};

}  // namespace perennial::health
