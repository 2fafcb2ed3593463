#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "perennial/segments/v1/segment.pb.h"

namespace perennial::segments {

// Bounds of a segment's texts, in bytes.
constexpr std::size_t kMaxDisplayName = 128;
constexpr std::size_t kMaxDescription = 2048;
constexpr std::size_t kMaxFilter = 4096;

constexpr std::size_t kMaxAuthor = 128;

// The id in "segments/{segment}". INVALID_ARGUMENT with a sentence that completes "<field> ...".
absl::StatusOr<std::string> CheckSegmentName(absl::string_view name);

// Adds what is wrong with display_name, description, kind and filter to `bad`, under `prefix` and the field's name. Whether
// the filter can be compiled is not looked at.
void CheckSegmentTexts(const v1::Segment& segment, absl::string_view prefix, BadRequest& bad);

// The same for who makes a change.
void CheckAuthor(const std::string& author, BadRequest& bad);

// The same for a filter on its own, under `field`.
void CheckFilterText(const std::string& filter, absl::string_view field, BadRequest& bad);

}  // namespace perennial::segments
