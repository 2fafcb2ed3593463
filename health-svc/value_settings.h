#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::health {

// What holds before anybody has changed it.
v1::ValueSettings FirstSettings(absl::Time now);

// The settings that a request makes of the present ones: their next revision, or, when nothing differs, the present
// one. INVALID_ARGUMENT (names every fault), ABORTED for a stale etag.
absl::StatusOr<v1::ValueSettings> ChangedSettings(const v1::UpdateValueSettingsRequest& request,
                                                  const v1::ValueSettings& present, absl::Time now);

}  // namespace perennial::health
