#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/worker_pool.h"
#include "health-svc/backtest.h"
#include "health-svc/calibration.h"
#include "health-svc/scorecard_library.h"
#include "health-svc/simulation.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"

namespace perennial::health {

// perennial.health.v1.ScorecardService: transport only.
class ScorecardService final : public v1::ScorecardService::CallbackService {
 public:
  // All must outlive this. `heavy_pool` is for what looks at the whole portfolio, `long_pool` for what takes minutes: they
  // must not hold up the rest.
  struct Parts {
    ScorecardLibrary& library;
    const Simulation& simulation;
    const Backtest& backtest;
    const Calibration& calibration;
    WorkerPool& pool;
    WorkerPool& heavy_pool;
    WorkerPool& long_pool;
  };
  explicit ScorecardService(const Parts& parts)
      : library_(parts.library),
        simulation_(parts.simulation),
        backtest_(parts.backtest),
        calibration_(parts.calibration),
        pool_(parts.pool),
        heavy_pool_(parts.heavy_pool),
        long_pool_(parts.long_pool) {}

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
  grpc::ServerUnaryReactor* BacktestScorecard(grpc::CallbackServerContext* context,
                                              const v1::BacktestScorecardRequest* request,
                                              v1::BacktestScorecardResponse* response) override;
  grpc::ServerUnaryReactor* CalibrateScorecard(grpc::CallbackServerContext* context,
                                               const v1::CalibrateScorecardRequest* request,
                                               v1::CalibrateScorecardResponse* response) override;

 private:
  ScorecardLibrary& library_;
  const Simulation& simulation_;
  const Backtest& backtest_;
  const Calibration& calibration_;
  WorkerPool& pool_;
  WorkerPool& heavy_pool_;
  WorkerPool& long_pool_;
};

}  // namespace perennial::health
