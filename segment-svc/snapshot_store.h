#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/storage/sqlite.h"
#include "perennial/segments/v1/segment_metrics.pb.h"

namespace perennial::segments {

// Metrics of one set of accounts on one UTC day (days since 1970).
struct SnapshotRecord {
  // Of the segment; 0 for all accounts.
  std::int64_t segment_uid = 0;
  std::int64_t day = 0;
  v1::SegmentMetrics metrics;
};

// Keeps daily metrics in one SQLite file. Write() is for one thread at a time; Read() may be called from any.
//
// Errors of every method: UNAVAILABLE (try again), RESOURCE_EXHAUSTED (disk full), DATA_LOSS (damaged), INTERNAL.
class SnapshotStore {
 public:
  // Opens or creates the database. FAILED_PRECONDITION with a sentence for people when it cannot be opened or is not
  // ours.
  static absl::StatusOr<std::unique_ptr<SnapshotStore>> Open(const std::string& path);

  // Puts each in place of the one of the same segment and day: all of them or none.
  absl::Status Write(const std::vector<SnapshotRecord>& snapshots);
  // Of the days from `first` to `last`, by day.
  absl::StatusOr<std::vector<SnapshotRecord>> Read(std::int64_t segment_uid, std::int64_t first, std::int64_t last);

 private:
  SnapshotStore(std::unique_ptr<sqlite::Connection> writer, const std::string& path);

  const std::unique_ptr<sqlite::Connection> writer_;
  sqlite::ReaderPool readers_;
};

}  // namespace perennial::segments
