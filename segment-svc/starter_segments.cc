#include "segment-svc/starter_segments.h"

#include <google/protobuf/text_format.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "perennial/segments/v1/segment_service.pb.h"
#include "segment-svc/segment_checks.h"

namespace perennial::segments {

absl::StatusOr<std::vector<SegmentRecord>> ParseSegments(absl::string_view text) {
  v1::ListSegmentsResponse parsed;
  if (!google::protobuf::TextFormat::ParseFromString(std::string(text), &parsed)) {
    return absl::InvalidArgumentError("segments are not the text form of a ListSegmentsResponse");
  }
  std::vector<SegmentRecord> segments;
  for (const v1::Segment& segment : parsed.segments()) {
    BadRequest bad;
    const auto id = CheckSegmentName(segment.name());
    bad.AddIfError(absl::StrCat(segment.name(), " name"), id.status());
    CheckSegmentTexts(segment, absl::StrCat(segment.name(), " "), bad);
    if (absl::StrContains(segment.filter(), "segment(")) {
      bad.Add(absl::StrCat(segment.name(), " filter"), "must not call other segments");
    }
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    SegmentRecord record;
    record.id = *id;
    record.display_name = segment.display_name();
    record.description = segment.description();
    record.filter = segment.filter();
    record.is_static = segment.kind() == v1::SEGMENT_KIND_STATIC;
    segments.push_back(std::move(record));
  }
  return segments;
}

}  // namespace perennial::segments
