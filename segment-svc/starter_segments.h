#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "segment-svc/segment_records.h"

namespace perennial::segments {

// Segments in the text form of perennial.segments.v1.ListSegmentsResponse, of which name, display_name, description and
// filter count. Filters are not checked against facts, as those may come later; they may not call segments.
// INVALID_ARGUMENT that names the segment and what is wrong.
absl::StatusOr<std::vector<SegmentRecord>> ParseSegments(absl::string_view text);

// The segments that are shipped (config/starter_segments.textproto).
absl::string_view StarterSegmentsText();

}  // namespace perennial::segments
