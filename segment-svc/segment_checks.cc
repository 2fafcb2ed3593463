#include "segment-svc/segment_checks.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"

namespace perennial::segments {
namespace {

void CheckText(const std::string& text, bool required, std::size_t most, absl::string_view field, BadRequest& bad) {
  // Blanks alone name nothing, and as a filter would select everything.
  if (required && absl::StripAsciiWhitespace(text).empty()) {
    bad.Add(field, "is required");
  } else if (text.size() > most) {
    bad.Add(field, absl::StrCat("is ", text.size(), " bytes long; the most is ", most));
  }
}

}  // namespace

absl::StatusOr<std::string> CheckSegmentName(absl::string_view name) {
  PERENNIAL_ASSIGN_OR_RETURN(std::string id, IdOf(name, "segments"));
  if (!CheckSlug(id).ok()) return absl::InvalidArgumentError("must look like segments/{id}, the id of a-z 0-9 -");
  return id;
}

void CheckSegmentTexts(const v1::Segment& segment, absl::string_view prefix, BadRequest& bad) {
  CheckText(segment.display_name(), true, kMaxDisplayName, absl::StrCat(prefix, "display_name"), bad);
  CheckText(segment.description(), false, kMaxDescription, absl::StrCat(prefix, "description"), bad);
  if (segment.kind() < v1::SEGMENT_KIND_UNSPECIFIED || segment.kind() > v1::SEGMENT_KIND_STATIC) {
    bad.Add(absl::StrCat(prefix, "kind"), "is no kind of segment");
  } else if (segment.kind() != v1::SEGMENT_KIND_STATIC) {
    CheckFilterText(segment.filter(), absl::StrCat(prefix, "filter"), bad);
  } else if (!segment.filter().empty()) {
    bad.Add(absl::StrCat(prefix, "filter"), "must be empty: a static segment is a list");
  }
}

void CheckAuthor(const std::string& author, BadRequest& bad) { CheckText(author, false, kMaxAuthor, "author", bad); }

void CheckFilterText(const std::string& filter, absl::string_view field, BadRequest& bad) {
  CheckText(filter, true, kMaxFilter, field, bad);
}

}  // namespace perennial::segments
