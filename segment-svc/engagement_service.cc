#include "segment-svc/engagement_service.h"

#include "common/server/serve_unary.h"
#include "segment-svc/serve_fresh.h"

namespace perennial::segments {

grpc::ServerUnaryReactor* EngagementService::CreateEngagementModel(grpc::CallbackServerContext* context,
                                                                   const v1::CreateEngagementModelRequest* request,
                                                                   v1::CreateEngagementModelResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.models.Create(call); });
}

grpc::ServerUnaryReactor* EngagementService::GetEngagementModel(grpc::CallbackServerContext* context,
                                                                const v1::GetEngagementModelRequest* request,
                                                                v1::GetEngagementModelResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.models.Get(call); });
}

grpc::ServerUnaryReactor* EngagementService::ListEngagementModels(grpc::CallbackServerContext* context,
                                                                  const v1::ListEngagementModelsRequest* request,
                                                                  v1::ListEngagementModelsResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.models.List(call); });
}

grpc::ServerUnaryReactor* EngagementService::UpdateEngagementModel(grpc::CallbackServerContext* context,
                                                                   const v1::UpdateEngagementModelRequest* request,
                                                                   v1::UpdateEngagementModelResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.models.Update(call); });
}

grpc::ServerUnaryReactor* EngagementService::DeleteEngagementModel(grpc::CallbackServerContext* context,
                                                                   const v1::DeleteEngagementModelRequest* request,
                                                                   v1::DeleteEngagementModelResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.models.Delete(call); });
}

grpc::ServerUnaryReactor* EngagementService::CreateManager(grpc::CallbackServerContext* context,
                                                           const v1::CreateManagerRequest* request,
                                                           v1::CreateManagerResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.managers.Create(call); });
}

grpc::ServerUnaryReactor* EngagementService::GetManager(grpc::CallbackServerContext* context,
                                                        const v1::GetManagerRequest* request,
                                                        v1::GetManagerResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.managers.Get(call); });
}

grpc::ServerUnaryReactor* EngagementService::ListManagers(grpc::CallbackServerContext* context,
                                                          const v1::ListManagersRequest* request,
                                                          v1::ListManagersResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.managers.List(call); });
}

grpc::ServerUnaryReactor* EngagementService::UpdateManager(grpc::CallbackServerContext* context,
                                                           const v1::UpdateManagerRequest* request,
                                                           v1::UpdateManagerResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.managers.Update(call); });
}

grpc::ServerUnaryReactor* EngagementService::DeleteManager(grpc::CallbackServerContext* context,
                                                           const v1::DeleteManagerRequest* request,
                                                           v1::DeleteManagerResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.managers.Delete(call); });
}

grpc::ServerUnaryReactor* EngagementService::GetEngagement(grpc::CallbackServerContext* context,
                                                           const v1::GetEngagementRequest* request,
                                                           v1::GetEngagementResponse* response) {
  return ServeFresh(parts_.gate, parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.engagements.Get(call); });
}

grpc::ServerUnaryReactor* EngagementService::ListDueTouches(grpc::CallbackServerContext* context,
                                                            const v1::ListDueTouchesRequest* request,
                                                            v1::ListDueTouchesResponse* response) {
  return ServeFresh(parts_.gate, parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.engagements.ListDueTouches(call); });
}

grpc::ServerUnaryReactor* EngagementService::AssignAccounts(grpc::CallbackServerContext* context,
                                                            const v1::AssignAccountsRequest* request,
                                                            v1::AssignAccountsResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.engagements.Assign(call); });
}

grpc::ServerUnaryReactor* EngagementService::GetCoverage(grpc::CallbackServerContext* context,
                                                         const v1::GetCoverageRequest* request,
                                                         v1::GetCoverageResponse* response) {
  return ServeFresh(parts_.gate, parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.engagements.GetCoverage(call); });
}

}  // namespace perennial::segments
