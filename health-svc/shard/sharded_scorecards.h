#pragma once

#include <grpcpp/grpcpp.h>

#include "health-svc/shard/shards.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"

namespace perennial::health {

// ScorecardService of one of several replicas. Scorecards are changed by the replica that keeps them; the others follow
// it, so that each reads its own. A simulation is put together from all replicas, and fails when one does not answer; a
// back-test reads all accounts from accounts-svc, whichever replica runs it.
class ShardedScorecards final : public v1::ScorecardService::CallbackService {
 public:
  // Both must outlive this. `own` answers for the accounts of this replica.
  ShardedScorecards(const Shards& shards, v1::ScorecardService::CallbackService& own) : shards_(shards), own_(own) {}

  grpc::ServerUnaryReactor* CreateScorecard(grpc::CallbackServerContext* context,
                                            const v1::CreateScorecardRequest* request,
                                            v1::CreateScorecardResponse* response) override;
  grpc::ServerUnaryReactor* GetScorecard(grpc::CallbackServerContext* context, const v1::GetScorecardRequest* request,
                                         v1::GetScorecardResponse* response) override {
    return own_.GetScorecard(context, request, response);
  }
  grpc::ServerUnaryReactor* ListScorecards(grpc::CallbackServerContext* context,
                                           const v1::ListScorecardsRequest* request,
                                           v1::ListScorecardsResponse* response) override {
    return own_.ListScorecards(context, request, response);
  }
  grpc::ServerUnaryReactor* UpdateScorecard(grpc::CallbackServerContext* context,
                                            const v1::UpdateScorecardRequest* request,
                                            v1::UpdateScorecardResponse* response) override;
  grpc::ServerUnaryReactor* DeleteScorecard(grpc::CallbackServerContext* context,
                                            const v1::DeleteScorecardRequest* request,
                                            v1::DeleteScorecardResponse* response) override;
  grpc::ServerUnaryReactor* ListScorecardRevisions(grpc::CallbackServerContext* context,
                                                   const v1::ListScorecardRevisionsRequest* request,
                                                   v1::ListScorecardRevisionsResponse* response) override {
    return own_.ListScorecardRevisions(context, request, response);
  }
  grpc::ServerUnaryReactor* DiffScorecardRevisions(grpc::CallbackServerContext* context,
                                                   const v1::DiffScorecardRevisionsRequest* request,
                                                   v1::DiffScorecardRevisionsResponse* response) override {
    return own_.DiffScorecardRevisions(context, request, response);
  }
  grpc::ServerUnaryReactor* SimulateScorecard(grpc::CallbackServerContext* context,
                                              const v1::SimulateScorecardRequest* request,
                                              v1::SimulateScorecardResponse* response) override;
  grpc::ServerUnaryReactor* BacktestScorecard(grpc::CallbackServerContext* context,
                                              const v1::BacktestScorecardRequest* request,
                                              v1::BacktestScorecardResponse* response) override {
    return own_.BacktestScorecard(context, request, response);
  }
  grpc::ServerUnaryReactor* CalibrateScorecard(grpc::CallbackServerContext* context,
                                               const v1::CalibrateScorecardRequest* request,
                                               v1::CalibrateScorecardResponse* response) override {
    return own_.CalibrateScorecard(context, request, response);
  }

 private:
  const Shards& shards_;
  v1::ScorecardService::CallbackService& own_;
};

}  // namespace perennial::health
