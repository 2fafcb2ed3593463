#pragma once

#include <functional>
#include <string>

#include "cli/text.h"
#include "perennial/accounts/v1/fact_service.pb.h"
#include "perennial/health/v1/flag_service.pb.h"
#include "perennial/segments/v1/segment_service.pb.h"

namespace perennial::cli {

// What people call an account, by its resource name.
using NameOfAccount = std::function<std::string(const std::string& account)>;

// Each is a page for a terminal of `width` columns.
Page RenderSegments(const perennial::segments::v1::ListSegmentsResponse& answer, int width);
Page RenderMembers(const perennial::segments::v1::ListMembersResponse& answer, const NameOfAccount& name_of, int width);
Page RenderPreview(const perennial::segments::v1::PreviewSegmentResponse& answer, const NameOfAccount& name_of,
                   int width);
Page RenderFlags(const perennial::health::v1::ListFlagsResponse& answer, const NameOfAccount& name_of, int width);
Page RenderValidation(const perennial::accounts::v1::ValidateFilterResponse& answer, int width);

// Facts of one account; `catalogue` gives their units and may be empty.
Page RenderFacts(const perennial::accounts::v1::GetFactsResponse& answer,
                 const perennial::accounts::v1::ListFactDefinitionsResponse& catalogue, int width);

}  // namespace perennial::cli
