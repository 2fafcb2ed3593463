#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "health-svc/portfolio.h"
#include "perennial/health/v1/health_score_service.pb.h"

namespace perennial::health {

// What one reader of WatchHealthScores is sent, message by message: the newest score of each account after where it
// stands, in order of revision. For one thread at a time.
class ScoreFeed {
 public:
  // `portfolio` must outlive this.
  ScoreFeed(const Portfolio& portfolio, std::int64_t start_revision)
      : portfolio_(portfolio), start_(start_revision), sent_(start_revision) {}

  // The next message; nothing while the reader has everything. INVALID_ARGUMENT for a negative start, OUT_OF_RANGE for
  // one that was never given out.
  absl::StatusOr<std::optional<v1::WatchHealthScoresResponse>> Next();

 private:
  const Portfolio& portfolio_;
  const std::int64_t start_;
  std::int64_t sent_;
  std::int64_t facts_revision_ = -1;  // as last sent; -1 before the reader first had everything
  bool started_ = false;
};

}  // namespace perennial::health
