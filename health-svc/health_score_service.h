#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/health_scores.h"
#include "health-svc/revision_waiters.h"
#include "health-svc/score_answers.h"
#include "health-svc/score_lookup.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"

namespace perennial::health {

// perennial.health.v1.HealthScoreService: transport only.
class HealthScoreService final : public v1::HealthScoreService::CallbackService {
 public:
  // What it needs; all must outlive it.
  struct Parts {
    HealthScores& scores;
    const ScoreAnswers& answers;
    // For scores that memory does not have.
    ScoreLookup& lookup;
    const Portfolio& portfolio;
    WorkerPool& pool;
    // For calls that ask accounts-svc: they must not hold up the others while it is slow.
    WorkerPool& past_pool;
    RevisionWaiters& waiters;
    WatchHub& hub;
  };
  explicit HealthScoreService(const Parts& parts)
      : scores_(parts.scores),
        answers_(parts.answers),
        lookup_(parts.lookup),
        portfolio_(parts.portfolio),
        pool_(parts.pool),
        past_pool_(parts.past_pool),
        waiters_(parts.waiters),
        hub_(parts.hub) {}

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
  HealthScores& scores_;
  const ScoreAnswers& answers_;
  ScoreLookup& lookup_;
  const Portfolio& portfolio_;
  WorkerPool& pool_;
  WorkerPool& past_pool_;
  RevisionWaiters& waiters_;
  WatchHub& hub_;
};

}  // namespace perennial::health
