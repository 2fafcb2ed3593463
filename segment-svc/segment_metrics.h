#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "perennial/segments/v1/segment_service.pb.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/snapshot_store.h"

namespace perennial::segments {

// Metrics of some live rows of a view, as docs/metrics.md defines them; money in `currency`.
v1::SegmentMetrics MetricsOf(const SegmentView& view, facts::Bitmap rows, const std::string& currency);

// The rules of GetSegmentMetrics; errors as its proto says. Safe to use from many threads.
class SegmentMetricsReader {
 public:
  // Both must outlive this. Facts carry money in `currency`.
  SegmentMetricsReader(const SegmentEngine& engine, SnapshotStore& store, std::string currency)
      : engine_(engine), store_(store), currency_(std::move(currency)) {}

  absl::StatusOr<v1::GetSegmentMetricsResponse> Get(const v1::GetSegmentMetricsRequest& request) const;

 private:
  const SegmentEngine& engine_;
  SnapshotStore& store_;
  const std::string currency_;
};

}  // namespace perennial::segments
