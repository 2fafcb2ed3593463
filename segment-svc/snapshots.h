#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/snapshot_store.h"

namespace perennial::segments {

// Takes the daily metrics of all segments and of the whole portfolio: stored once an hour, so that what stays of a day is
// what it was at its end. For one thread at a time.
class Snapshots {
 public:
  // Both must outlive this. Facts carry money in `currency`.
  Snapshots(const SegmentEngine& engine, SnapshotStore& store, std::string currency)
      : engine_(engine), store_(store), currency_(std::move(currency)) {}

  // Stores the present metrics under the present day when it is time; nothing while the engine is not ready.
  absl::Status TakeIfDue();

 private:
  const SegmentEngine& engine_;
  SnapshotStore& store_;
  const std::string currency_;
  // Hour of the last ones, counted from 1970.
  std::int64_t taken_hour_ = -1;
};

}  // namespace perennial::segments
