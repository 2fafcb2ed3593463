#include "accounts-svc/goal_service.h"

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* GoalService::CreateGoal(grpc::CallbackServerContext* context,
                                                  const v1::CreateGoalRequest* request,
                                                  v1::CreateGoalResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return goals_.Create(call); });
}

grpc::ServerUnaryReactor* GoalService::GetGoal(grpc::CallbackServerContext* context, const v1::GetGoalRequest* request,
                                               v1::GetGoalResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return goals_.Get(call); });
}

grpc::ServerUnaryReactor* GoalService::ListGoals(grpc::CallbackServerContext* context,
                                                 const v1::ListGoalsRequest* request, v1::ListGoalsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return goals_.List(call); });
}

grpc::ServerUnaryReactor* GoalService::UpdateGoal(grpc::CallbackServerContext* context,
                                                  const v1::UpdateGoalRequest* request,
                                                  v1::UpdateGoalResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return goals_.Update(call); });
}

grpc::ServerUnaryReactor* GoalService::DeleteGoal(grpc::CallbackServerContext* context,
                                                  const v1::DeleteGoalRequest* request,
                                                  v1::DeleteGoalResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return goals_.Delete(call); });
}

}  // namespace perennial::accounts
