#pragma once

#include "accounts-svc/lifecycle_rules.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/lifecycle_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Lifecycle over gRPC. All it adds is the transport.
class LifecycleService final : public v1::LifecycleService::CallbackService {
 public:
  // Both must outlive this.
  LifecycleService(Lifecycle& lifecycle, WorkerPool& pool) : lifecycle_(lifecycle), pool_(pool) {}

  grpc::ServerUnaryReactor* GetLifecycleRules(grpc::CallbackServerContext* context,
                                              const v1::GetLifecycleRulesRequest* request,
                                              v1::GetLifecycleRulesResponse* response) override;
  grpc::ServerUnaryReactor* UpdateLifecycleRules(grpc::CallbackServerContext* context,
                                                 const v1::UpdateLifecycleRulesRequest* request,
                                                 v1::UpdateLifecycleRulesResponse* response) override;
  grpc::ServerUnaryReactor* ListLifecycleRulesRevisions(grpc::CallbackServerContext* context,
                                                        const v1::ListLifecycleRulesRevisionsRequest* request,
                                                        v1::ListLifecycleRulesRevisionsResponse* response) override;
  grpc::ServerUnaryReactor* MoveAccountPhase(grpc::CallbackServerContext* context,
                                             const v1::MoveAccountPhaseRequest* request,
                                             v1::MoveAccountPhaseResponse* response) override;
  grpc::ServerUnaryReactor* UndoPhaseMove(grpc::CallbackServerContext* context, const v1::UndoPhaseMoveRequest* request,
                                          v1::UndoPhaseMoveResponse* response) override;
  grpc::ServerUnaryReactor* ListPhaseMoves(grpc::CallbackServerContext* context,
                                           const v1::ListPhaseMovesRequest* request,
                                           v1::ListPhaseMovesResponse* response) override;
  grpc::ServerUnaryReactor* GetAccountLifecycle(grpc::CallbackServerContext* context,
                                                const v1::GetAccountLifecycleRequest* request,
                                                v1::GetAccountLifecycleResponse* response) override;

 private:
  Lifecycle& lifecycle_;
  WorkerPool& pool_;
};

}  // namespace perennial::accounts
