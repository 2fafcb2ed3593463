#include "segment-svc/snapshots.h"

#include <vector>

#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/segment_metrics.h"

namespace perennial::segments {

absl::Status Snapshots::TakeIfDue() {
  std::vector<std::string> ids;
  bool ready = false;
  std::int64_t hour = 0;
  std::int64_t day = 0;
  engine_.Read([&](const SegmentView& view) {
    ready = view.ready;
    hour = absl::ToUnixSeconds(view.now) / 3600;
    day = DayOf(view.now);
    for (const auto& [id, segment] : view.segments) ids.push_back(id);
  });
  if (!ready || hour == taken_hour_) return absl::OkStatus();
  std::vector<SnapshotRecord> snapshots;
  // One by one, so that no change waits for all of them.
  engine_.Read([&](const SegmentView& view) {
    snapshots.push_back(
        {.segment_uid = 0, .day = day, .metrics = MetricsOf(view, view.facts.table().live_rows(), currency_)});
  });
  for (const std::string& id : ids) {
    engine_.Read([&](const SegmentView& view) {
      const auto found = view.segments.find(id);
      if (found == view.segments.end()) return;
      snapshots.push_back({.segment_uid = found->second.record.uid,
                           .day = day,
                           .metrics = MetricsOf(view, LiveRows(view.facts, found->second.members), currency_)});
    });
  }
  PERENNIAL_RETURN_IF_ERROR(store_.Write(snapshots));
  taken_hour_ = hour;
  return absl::OkStatus();
}

}  // namespace perennial::segments
