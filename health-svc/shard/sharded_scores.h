#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/portfolio.h"
#include "health-svc/score_lookup.h"
#include "health-svc/shard/shards.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"

namespace perennial::health {

// HealthScoreService of one of several replicas: answers for the accounts of all of them.
//
// What is asked of one account its owner answers; its present score also Redis, or the facts, so that it is told while
// the owner is away. Lists and roll-ups are put together from all replicas, and fail when one does not answer.
// WatchHealthScores sends the accounts of all replicas, and while one is away those of the others.
class ShardedScores final : public v1::HealthScoreService::CallbackService {
 public:
  // All must outlive it.
  struct Parts {
    // Answers for the accounts of this replica.
    v1::HealthScoreService::CallbackService& own;
    // Finds present scores of others.
    ScoreLookup& lookup;
    const Portfolio& portfolio;
    // For calls that wait for other replicas.
    WorkerPool& blocking_pool;
    WorkerPool& watch_pool;
    WatchHub& hub;
  };
  ShardedScores(const Shards& shards, const Parts& parts) : shards_(shards), parts_(parts) {}

  grpc::ServerUnaryReactor* GetHealthScore(grpc::CallbackServerContext* context,
                                           const v1::GetHealthScoreRequest* request,
                                           v1::GetHealthScoreResponse* response) override;
  grpc::ServerUnaryReactor* BatchGetHealthScores(grpc::CallbackServerContext* context,
                                                 const v1::BatchGetHealthScoresRequest* request,
                                                 v1::BatchGetHealthScoresResponse* response) override;
  grpc::ServerUnaryReactor* ListHealthScores(grpc::CallbackServerContext* context,
                                             const v1::ListHealthScoresRequest* request,
                                             v1::ListHealthScoresResponse* response) override;
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
      grpc::CallbackServerContext* context, const v1::WatchHealthScoresRequest* request) override;

 private:
  const Shards& shards_;
  const Parts parts_;
};

}  // namespace perennial::health
