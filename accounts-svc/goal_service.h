#pragma once

#include "accounts-svc/goals.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/goal_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Goals over gRPC. All it adds is the transport.
class GoalService final : public v1::GoalService::CallbackService {
 public:
  // Both must outlive this.
  GoalService(Goals& goals, WorkerPool& pool) : goals_(goals), pool_(pool) {}

  grpc::ServerUnaryReactor* CreateGoal(grpc::CallbackServerContext* context, const v1::CreateGoalRequest* request,
                                       v1::CreateGoalResponse* response) override;
  grpc::ServerUnaryReactor* GetGoal(grpc::CallbackServerContext* context, const v1::GetGoalRequest* request,
                                    v1::GetGoalResponse* response) override;
  grpc::ServerUnaryReactor* ListGoals(grpc::CallbackServerContext* context, const v1::ListGoalsRequest* request,
                                      v1::ListGoalsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateGoal(grpc::CallbackServerContext* context, const v1::UpdateGoalRequest* request,
                                       v1::UpdateGoalResponse* response) override;
  grpc::ServerUnaryReactor* DeleteGoal(grpc::CallbackServerContext* context, const v1::DeleteGoalRequest* request,
                                       v1::DeleteGoalResponse* response) override;

 private:
  Goals& goals_;
  WorkerPool& pool_;
};

}  // namespace perennial::accounts
