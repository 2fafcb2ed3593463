#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/facts/bitmap.h"
#include "perennial/type/v1/filter.pb.h"
#include "segment-svc/segment_view.h"

namespace perennial::segments {

// The accounts that a request is about.
struct Selection {
  std::string filter;   // empty selects all
  std::string segment;  // id; empty means no segment
};

struct SelectedRows {
  facts::Bitmap rows;                                                // live ones
  std::optional<perennial::type::v1::FilterReading> filter_reading;  // of a filter
};

// The live accounts of `selection` in a view. NOT_FOUND (segment), INVALID_ARGUMENT (filter), UNAVAILABLE before all
// facts are there.
absl::StatusOr<SelectedRows> SelectRows(const SegmentView& view, const Selection& selection);

}  // namespace perennial::segments
