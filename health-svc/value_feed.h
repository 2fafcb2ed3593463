#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "health-svc/portfolio.h"
#include "health-svc/value_book.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::health {

// What one reader of WatchValues is sent, message by message: the newest value of each account after where it stands,
// in order of revision. For one thread at a time.
class ValueFeed {
 public:
  // Both must outlive this. `feed_id` is what the reader knows the feed by; it may be empty.
  ValueFeed(const Portfolio& portfolio, const ValueBook& book, std::int64_t start_revision, std::string feed_id)
      : portfolio_(portfolio),
        book_(book),
        start_(start_revision),
        known_as_(std::move(feed_id)),
        sent_(start_revision) {}

  // The next message; nothing while the reader has everything. INVALID_ARGUMENT for a negative start, OUT_OF_RANGE for
  // one that was never given out, or of another feed than this.
  absl::StatusOr<std::optional<v1::WatchValuesResponse>> Next();

 private:
  const Portfolio& portfolio_;
  const ValueBook& book_;
  const std::int64_t start_;
  const std::string known_as_;
  std::int64_t sent_;
  std::int64_t facts_revision_ = -1;  // as last sent; -1 before the reader first had everything
  bool started_ = false;
};

}  // namespace perennial::health
