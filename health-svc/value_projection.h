#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "health-svc/value/retention.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::health {

// OK when nothing in the request is wrong.
absl::Status CheckProjection(const v1::ProjectRetentionRequest& request);

// What a request that was checked asks of a model; `discount_rate` is that of a year, for one that has none.
// FAILED_PRECONDITION when it is no retention model.
absl::StatusOr<v1::ProjectRetentionResponse> ProjectModel(const v1::ProjectRetentionRequest& request,
                                                          const v1::ValueModel& model, double discount_rate);

// One point of survival, of a customer who has made `renewals`.
void SetSurvival(const value::RetentionFit& fit, int renewals, int period, v1::SurvivalPoint* out);

}  // namespace perennial::health
