#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "perennial/segments/v1/engagement.pb.h"

namespace perennial::segments {

// Models in the text form of perennial.segments.v1.ListEngagementModelsResponse. Filters are not checked against facts, as
// those may come later; they may not call segments. INVALID_ARGUMENT that names the model and what is wrong.
absl::StatusOr<std::vector<v1::EngagementModel>> ParseEngagementModels(absl::string_view text);

// The models that are shipped (config/starter_engagement_models.textproto).
absl::string_view StarterEngagementModelsText();

}  // namespace perennial::segments
