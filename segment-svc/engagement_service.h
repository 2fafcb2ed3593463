#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/worker_pool.h"
#include "perennial/segments/v1/engagement_service.grpc.pb.h"
#include "segment-svc/engagement_managers.h"
#include "segment-svc/engagement_models.h"
#include "segment-svc/engagements.h"
#include "segment-svc/freshness_gate.h"

namespace perennial::segments {

// EngagementService as gRPC serves it: threads and transport, no rules.
class EngagementService final : public v1::EngagementService::CallbackService {
 public:
  // What it needs; everything must outlive it.
  struct Parts {
    EngagementModels& models;
    EngagementManagers& managers;
    Engagements& engagements;
    FreshnessGate& gate;
    WorkerPool& pool;
  };
  explicit EngagementService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* CreateEngagementModel(grpc::CallbackServerContext* context,
                                                  const v1::CreateEngagementModelRequest* request,
                                                  v1::CreateEngagementModelResponse* response) override;
  grpc::ServerUnaryReactor* GetEngagementModel(grpc::CallbackServerContext* context,
                                               const v1::GetEngagementModelRequest* request,
                                               v1::GetEngagementModelResponse* response) override;
  grpc::ServerUnaryReactor* ListEngagementModels(grpc::CallbackServerContext* context,
                                                 const v1::ListEngagementModelsRequest* request,
                                                 v1::ListEngagementModelsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateEngagementModel(grpc::CallbackServerContext* context,
                                                  const v1::UpdateEngagementModelRequest* request,
                                                  v1::UpdateEngagementModelResponse* response) override;
  grpc::ServerUnaryReactor* DeleteEngagementModel(grpc::CallbackServerContext* context,
                                                  const v1::DeleteEngagementModelRequest* request,
                                                  v1::DeleteEngagementModelResponse* response) override;
  grpc::ServerUnaryReactor* CreateManager(grpc::CallbackServerContext* context,
                                          const v1::CreateManagerRequest* request,
                                          v1::CreateManagerResponse* response) override;
  grpc::ServerUnaryReactor* GetManager(grpc::CallbackServerContext* context,
                                       const v1::GetManagerRequest* request,
                                       v1::GetManagerResponse* response) override;
  grpc::ServerUnaryReactor* ListManagers(grpc::CallbackServerContext* context,
                                         const v1::ListManagersRequest* request,
                                         v1::ListManagersResponse* response) override;
  grpc::ServerUnaryReactor* UpdateManager(grpc::CallbackServerContext* context,
                                          const v1::UpdateManagerRequest* request,
                                          v1::UpdateManagerResponse* response) override;
  grpc::ServerUnaryReactor* DeleteManager(grpc::CallbackServerContext* context,
                                          const v1::DeleteManagerRequest* request,
                                          v1::DeleteManagerResponse* response) override;
  grpc::ServerUnaryReactor* GetEngagement(grpc::CallbackServerContext* context,
                                          const v1::GetEngagementRequest* request,
                                          v1::GetEngagementResponse* response) override;
  grpc::ServerUnaryReactor* ListDueTouches(grpc::CallbackServerContext* context,
                                           const v1::ListDueTouchesRequest* request,
                                           v1::ListDueTouchesResponse* response) override;
  grpc::ServerUnaryReactor* AssignAccounts(grpc::CallbackServerContext* context,
                                           const v1::AssignAccountsRequest* request,
                                           v1::AssignAccountsResponse* response) override;
  grpc::ServerUnaryReactor* GetCoverage(grpc::CallbackServerContext* context,
                                        const v1::GetCoverageRequest* request,
                                        v1::GetCoverageResponse* response) override;

 private:
  const Parts parts_;
};

}  // namespace perennial::segments
