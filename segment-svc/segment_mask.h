#pragma once

#include "absl/status/statusor.h"
#include "perennial/segments/v1/segment_service.pb.h"

namespace perennial::segments {

// Which fields an update changes.
struct SegmentFields {
  bool display_name = false;
  bool description = false;
  bool filter = false;
};

// By AIP-134: the fields that the mask names; "*" is all; without a mask (or with an empty one) those that are set.
// Output-only fields, the name and the etag may be named and change nothing. INVALID_ARGUMENT with a sentence that
// completes "update_mask ..." and names every path that is no field.
absl::StatusOr<SegmentFields> FieldsToUpdate(const v1::UpdateSegmentRequest& request);

}  // namespace perennial::segments
