#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/health_scores.h"
#include "health-svc/revision_waiters.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"

namespace perennial::health {

// perennial.health.v1.HealthScoreService: transport only.
class HealthScoreService final : public v1::HealthScoreService::CallbackService {
 public:
  // All must outlive this.
  HealthScoreService(const HealthScores& scores, const Portfolio& portfolio, WorkerPool& pool, RevisionWaiters& waiters,
                     WatchHub& hub)
      : scores_(scores), portfolio_(portfolio), pool_(pool), waiters_(waiters), hub_(hub) {}

  grpc::ServerUnaryReactor* GetHealthScore(grpc::CallbackServerContext* context,
                                           const v1::GetHealthScoreRequest* request,
                                           v1::GetHealthScoreResponse* response) override;
  grpc::ServerUnaryReactor* BatchGetHealthScores(grpc::CallbackServerContext* context,
                                                 const v1::BatchGetHealthScoresRequest* request,
                                                 v1::BatchGetHealthScoresResponse* response) override;
  grpc::ServerUnaryReactor* ListHealthScores(grpc::CallbackServerContext* context,
                                             const v1::ListHealthScoresRequest* request,
                                             v1::ListHealthScoresResponse* response) override;
  grpc::ServerUnaryReactor* ExplainHealthScore(grpc::CallbackServerContext* context,
                                               const v1::ExplainHealthScoreRequest* request,
                                               v1::ExplainHealthScoreResponse* response) override;
  grpc::ServerUnaryReactor* ListHealthScoreHistory(grpc::CallbackServerContext* context,
                                                   const v1::ListHealthScoreHistoryRequest* request,
                                                   v1::ListHealthScoreHistoryResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchHealthScoresResponse>* WatchHealthScores(
      grpc::CallbackServerContext* context, const v1::WatchHealthScoresRequest* request) override;

 private:
  const HealthScores& scores_;
  const Portfolio& portfolio_;
  WorkerPool& pool_;
  RevisionWaiters& waiters_;
  WatchHub& hub_;
};

}  // namespace perennial::health
