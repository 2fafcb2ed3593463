#include "accounts-svc/lifecycle_service.h"

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* LifecycleService::GetLifecycleRules(grpc::CallbackServerContext* context,
                                                              const v1::GetLifecycleRulesRequest* request,
                                                              v1::GetLifecycleRulesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return lifecycle_.GetRules(call); });
}

grpc::ServerUnaryReactor* LifecycleService::UpdateLifecycleRules(grpc::CallbackServerContext* context,
                                                                 const v1::UpdateLifecycleRulesRequest* request,
                                                                 v1::UpdateLifecycleRulesResponse* response) {
  return ServeUnary(pool_, context, request, response,
                    [this](const auto& call) { return lifecycle_.UpdateRules(call); });
}

grpc::ServerUnaryReactor* LifecycleService::ListLifecycleRulesRevisions(
    grpc::CallbackServerContext* context, const v1::ListLifecycleRulesRevisionsRequest* request,
    v1::ListLifecycleRulesRevisionsResponse* response) {
  return ServeUnary(pool_, context, request, response,
                    [this](const auto& call) { return lifecycle_.ListRevisions(call); });
}

grpc::ServerUnaryReactor* LifecycleService::MoveAccountPhase(grpc::CallbackServerContext* context,
                                                             const v1::MoveAccountPhaseRequest* request,
                                                             v1::MoveAccountPhaseResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return lifecycle_.Move(call); });
}

grpc::ServerUnaryReactor* LifecycleService::UndoPhaseMove(grpc::CallbackServerContext* context,
                                                          const v1::UndoPhaseMoveRequest* request,
                                                          v1::UndoPhaseMoveResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return lifecycle_.Undo(call); });
}

grpc::ServerUnaryReactor* LifecycleService::ListPhaseMoves(grpc::CallbackServerContext* context,
                                                           const v1::ListPhaseMovesRequest* request,
                                                           v1::ListPhaseMovesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return lifecycle_.ListMoves(call); });
}

grpc::ServerUnaryReactor* LifecycleService::GetAccountLifecycle(grpc::CallbackServerContext* context,
                                                                const v1::GetAccountLifecycleRequest* request,
                                                                v1::GetAccountLifecycleResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return lifecycle_.Get(call); });
}

}  // namespace perennial::accounts
