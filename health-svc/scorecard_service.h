#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/worker_pool.h"
#include "health-svc/scorecard_library.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"

namespace perennial::health {

// perennial.health.v1.ScorecardService: transport only.
class ScorecardService final : public v1::ScorecardService::CallbackService {
 public:
  // Both must outlive this.
  ScorecardService(ScorecardLibrary& library, WorkerPool& pool) : library_(library), pool_(pool) {}

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

 private:
  ScorecardLibrary& library_;
  WorkerPool& pool_;
};

}  // namespace perennial::health
