#pragma once

#include <grpcpp/grpcpp.h>

#include "health-svc/score_lookup.h"
#include "health-svc/shard/shards.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"

namespace perennial::health {

// HealthScoreService of one of several replicas: answers for the accounts of all of them.
//
// What is asked of one account its owner answers; its present score also Redis, or the facts, so that it is told while
// the owner is away. Lists are put together from all replicas, and fail when one does not answer. WatchHealthScores
// sends the accounts of this replica: who follows all accounts follows each replica.
class ShardedScores final : public v1::HealthScoreService::CallbackService {
 public:
  // All must outlive this. `own` answers for the accounts of this replica; `lookup` finds present scores of others.
  ShardedScores(const Shards& shards, v1::HealthScoreService::CallbackService& own, ScoreLookup& lookup)
      : shards_(shards), own_(own), lookup_(lookup) {}

  grpc::ServerUnaryReactor* GetHealthScore(grpc::CallbackServerContext* context,
                                           const v1::GetHealthScoreRequest* request,
                                           v1::GetHealthScoreResponse* response) override;
  grpc::ServerUnaryReactor* BatchGetHealthScores(grpc::CallbackServerContext* context,
                                                 const v1::BatchGetHealthScoresRequest* request,
                                                 v1::BatchGetHealthScoresResponse* response) override;
  grpc::ServerUnaryReactor* ListHealthScores(grpc::CallbackServerContext* context,
                                             const v1::ListHealthScoresRequest* request,
                                             v1::ListHealthScoresResponse* response) override;
  // The accounts of a hierarchy lie on several replicas: FAILED_PRECONDITION.
  grpc::ServerUnaryReactor* GetHealthScoreRollUp(grpc::CallbackServerContext* context,
                                                 const v1::GetHealthScoreRollUpRequest* request,
                                                 v1::GetHealthScoreRollUpResponse* response) override;
  grpc::ServerUnaryReactor* ExplainHealthScore(grpc::CallbackServerContext* context,
                                               const v1::ExplainHealthScoreRequest* request,
                                               v1::ExplainHealthScoreResponse* response) override;
  grpc::ServerUnaryReactor* ExplainHealthScoreChange(grpc::CallbackServerContext* context,
                                                     const v1::ExplainHealthScoreChangeRequest* request,
                                                     v1::ExplainHealthScoreChangeResponse* response) override;
  grpc::ServerUnaryReactor* ListHealthScoreHistory(grpc::CallbackServerContext* context,
                                                   const v1::ListHealthScoreHistoryRequest* request,
                                                   v1::ListHealthScoreHistoryResponse* response) override;
  grpc::ServerUnaryReactor* SetHealthScoreOverride(grpc::CallbackServerContext* context,
                                                   const v1::SetHealthScoreOverrideRequest* request,
                                                   v1::SetHealthScoreOverrideResponse* response) override;
  grpc::ServerUnaryReactor* ClearHealthScoreOverride(grpc::CallbackServerContext* context,
                                                     const v1::ClearHealthScoreOverrideRequest* request,
                                                     v1::ClearHealthScoreOverrideResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchHealthScoresResponse>* WatchHealthScores(
      grpc::CallbackServerContext* context, const v1::WatchHealthScoresRequest* request) override {
    return own_.WatchHealthScores(context, request);
  }

 private:
  const Shards& shards_;
  v1::HealthScoreService::CallbackService& own_;
  ScoreLookup& lookup_;
};

}  // namespace perennial::health
