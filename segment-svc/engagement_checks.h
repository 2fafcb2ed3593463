#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "perennial/segments/v1/engagement.pb.h"

namespace perennial::segments {

// Bounds of what one installation has.
constexpr std::size_t kMostModels = 100;
constexpr std::size_t kMostManagers = 1000;

// The id in "engagementModels/{model}" or "managers/{manager}". INVALID_ARGUMENT with a sentence that completes
// "<field> ...".
absl::StatusOr<std::string> CheckModelName(absl::string_view name);
absl::StatusOr<std::string> CheckManagerName(absl::string_view name);

// Adds what is wrong with a model or manager to `bad`, under `prefix` and the field's name. Names and output-only
// fields are not looked at, nor whether a filter can be compiled.
void Check(const v1::EngagementModel& model, absl::string_view prefix, BadRequest& bad);
void Check(const v1::Manager& manager, absl::string_view prefix, BadRequest& bad);

// Changes with every change of the resource.
std::string EtagOf(const v1::EngagementModel& model);
std::string EtagOf(const v1::Manager& manager);

}  // namespace perennial::segments
