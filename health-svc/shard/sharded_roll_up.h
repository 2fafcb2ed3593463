#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "health-svc/portfolio.h"
#include "health-svc/shard/shards.h"
#include "perennial/health/v1/health_score_service.pb.h"

namespace perennial::health {

// Rolls up the scores of a hierarchy whose accounts lie on several replicas: asks all of them for the children of the
// accounts that it has found, level by level. All or an error, which names the replica that does not answer. Blocks;
// `context` is that of the call that is answered. Errors as of HealthScoreService.GetHealthScoreRollUp.
absl::StatusOr<v1::GetHealthScoreRollUpResponse> RollUpOverShards(const Shards& shards, const Portfolio& portfolio,
                                                                  const grpc::CallbackServerContext& context,
                                                                  const v1::GetHealthScoreRollUpRequest& request);

}  // namespace perennial::health
