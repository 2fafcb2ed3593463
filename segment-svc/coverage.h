#pragma once

#include <cstddef>
#include <string>

#include "perennial/segments/v1/engagement_service.pb.h"
#include "segment-svc/engagement_view.h"

namespace perennial::segments {

// What GetCoverage answers, naming at most `list_size` accounts that nobody looks after.
v1::GetCoverageResponse CoverageOf(EngagementView& engagement, std::size_t list_size, const std::string& currency);

}  // namespace perennial::segments
