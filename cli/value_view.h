#pragma once

#include "cli/text.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::cli {

// Each is a page for a terminal of `width` columns.
// What one customer is worth, and why.
Page RenderValue(const perennial::health::v1::CustomerValue& value, int width);
// Models that are in use, or revisions of one.
Page RenderModels(const perennial::health::v1::ListValueModelsResponse& answer, int width);
// One fitted model: parameters, how well it fits, how well it told what it had not seen.
Page RenderModel(const perennial::health::v1::ValueModel& model, int width);

}  // namespace perennial::cli
