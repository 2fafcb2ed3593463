#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/worker_pool.h"
#include "health-svc/scorecard_library.h"
#include "health-svc/simulation.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"

namespace perennial::health {

// perennial.health.v1.ScorecardService: transport only.
class ScorecardService final : public v1::ScorecardService::CallbackService {
 public:
  // All must outlive this. `heavy_pool` is for what looks at the whole portfolio: it must not hold up the rest.
  ScorecardService(ScorecardLibrary& library, const Simulation& simulation, WorkerPool& pool, WorkerPool& heavy_pool)
      : library_(library), simulation_(simulation), pool_(pool), heavy_pool_(heavy_pool) {}

  grpc::ServerUnaryReactor* CreateScorecard(grpc::CallbackServerContext* context,
                                            const v1::CreateScorecardRequest* request,
                                            v1::CreateScorecardResponse* response) override;
  grpc::ServerUnaryReactor* GetScorecard(grpc::CallbackServerContext* context, const v1::GetScorecardRequest* request,
                                         v1::GetScorecardResponse* response) override;
  grpc::ServerUnaryReactor* ListScorecards(grpc::CallbackServerContext* context,
                                           const v1::ListScorecardsRequest* request,
                                           v1::ListScorecardsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateScorecard(grpc::CallbackServerContext* context,
                                            const v1::UpdateScorecardRequest* request,
                                            v1::UpdateScorecardResponse* response) override;
  grpc::ServerUnaryReactor* DeleteScorecard(grpc::CallbackServerContext* context,
                                            const v1::DeleteScorecardRequest* request,
                                            v1::DeleteScorecardResponse* response) override;
  grpc::ServerUnaryReactor* ListScorecardRevisions(grpc::CallbackServerContext* context,
                                                   const v1::ListScorecardRevisionsRequest* request,
                                                   v1::ListScorecardRevisionsResponse* response) override;
  grpc::ServerUnaryReactor* DiffScorecardRevisions(grpc::CallbackServerContext* context,
                                                   const v1::DiffScorecardRevisionsRequest* request,
                                                   v1::DiffScorecardRevisionsResponse* response) override;
  grpc::ServerUnaryReactor* SimulateScorecard(grpc::CallbackServerContext* context,
                                              const v1::SimulateScorecardRequest* request,
                                              v1::SimulateScorecardResponse* response) override;

 private:
  ScorecardLibrary& library_;
  const Simulation& simulation_;
  WorkerPool& pool_;
  WorkerPool& heavy_pool_;
};

}  // namespace perennial::health
