#include "segment-svc/selected_rows.h"

#include "common/base/error_details.h"
#include "common/filter/filter_reading.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/called_segments.h"
#include "segment-svc/segments.h"

namespace perennial::segments {

absl::StatusOr<SelectedRows> SelectRows(const SegmentView& view, const Selection& selection) {
  SelectedRows selected;
  selected.rows = view.facts.table().live_rows();
  if (!selection.segment.empty()) {
    const auto found = view.segments.find(selection.segment);
    if (found == view.segments.end()) return NoSuchSegment(selection.segment);
    selected.rows = LiveRows(view.facts, found->second.members);
  }
  if (!view.ready) return NotReadyStatus();
  selected.rows.Resize(view.facts.table().row_count());
  if (selection.filter.empty()) return selected;
  const auto filter = CompileFor(view, selection.filter);
  if (!filter.ok()) return BadField("filter", std::string(filter.status().message()));
  const CalledSegments called(view, *filter);
  facts::Bitmap matching = filter->EvaluateAll(view.facts.table(), {.now = view.now, .segments = &called});
  matching.Resize(view.facts.table().row_count());
  for (std::size_t w = 0; w < selected.rows.words().size(); ++w) selected.rows.words()[w] &= matching.words()[w];
  selected.filter_reading = filter::ToProto(*filter);
  return selected;
}

}  // namespace perennial::segments
