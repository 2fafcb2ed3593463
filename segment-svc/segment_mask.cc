#include "segment-svc/segment_mask.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perennial::segments {

absl::StatusOr<SegmentFields> FieldsToUpdate(const v1::UpdateSegmentRequest& request) {
  const v1::Segment& segment = request.segment();
  if (request.update_mask().paths().empty()) {
    return SegmentFields{.display_name = !segment.display_name().empty(),
                         .description = !segment.description().empty(),
                         .filter = !segment.filter().empty()};
  }
  SegmentFields fields;
  std::vector<std::string> unknown;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "*") {
      if (request.update_mask().paths_size() > 1) return absl::InvalidArgumentError("must name \"*\" alone");
      return SegmentFields{.display_name = true, .description = true, .filter = true};
    }
    if (path == "display_name") {
      fields.display_name = true;
    } else if (path == "description") {
      fields.description = true;
    } else if (path == "filter") {
      fields.filter = true;
    } else if (v1::Segment::descriptor()->FindFieldByName(path) == nullptr) {
      unknown.push_back(absl::StrCat("'", path, "'"));
    }
  }
  if (!unknown.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("names ", absl::StrJoin(unknown, ", "),
                                                   ", which a segment does not have; it has display_name, description "
                                                   "and filter"));
  }
  return fields;
}

}  // namespace perennial::segments
