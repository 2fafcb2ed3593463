#include "health-svc/value_service.h"

#include <memory>

#include "common/server/serve_unary.h"
#include "health-svc/serve_at_revision.h"
#include "health-svc/value_feed.h"
#include "health-svc/watch_token.h"

namespace perennial::health {
namespace {

// Serves a fit: `fit(request, make_context, deadline)` runs on the pool, and what it asks of accounts-svc ends with the
// caller.
template <class Request, class Response, class Fit>
grpc::ServerUnaryReactor* ServeFit(WorkerPool& pool, grpc::CallbackServerContext* context, const Request* request,
                                   Response* response, Fit fit) {
  return ServeUnary(pool, context, request, response, [context, fit](const Request& call) {
    const auto deadline = LongDeadlineOf(*context);
    const auto make_context = [context, deadline] { return PartOf(*context, deadline); };
    return fit(call, make_context, absl::FromChrono(deadline));
  });
}

}  // namespace

grpc::ServerUnaryReactor* ValueService::GetValue(grpc::CallbackServerContext* context,
                                                 const v1::GetValueRequest* request, v1::GetValueResponse* response) {
  return ServeAtRevision(parts_.waiters, parts_.pool, context, request, response, CustomerValues::Check(*request),
                         [this](const auto& get) { return parts_.values.Get(get); });
}

grpc::ServerUnaryReactor* ValueService::BatchGetValue(grpc::CallbackServerContext* context,
                                                      const v1::BatchGetValueRequest* request,
                                                      v1::BatchGetValueResponse* response) {
  return ServeAtRevision(parts_.waiters, parts_.pool, context, request, response, CustomerValues::Check(*request),
                         [this](const auto& get) { return parts_.values.BatchGet(get); });
}

grpc::ServerUnaryReactor* ValueService::ListValues(grpc::CallbackServerContext* context,
                                                   const v1::ListValuesRequest* request,
                                                   v1::ListValuesResponse* response) {
  return ServeAtRevision(parts_.waiters, parts_.pool, context, request, response, parts_.values.Check(*request),
                         [this](const auto& list) { return parts_.values.List(list); });
}

grpc::ServerWriteReactor<v1::WatchValuesResponse>* ValueService::WatchValues(grpc::CallbackServerContext*,
                                                                             const v1::WatchValuesRequest* request) {
  return WatchFeed<v1::WatchValuesResponse>(
      parts_.hub, parts_.pool, *request, "WatchValues", [this](const WatchPlace& place) {
        return std::make_shared<ValueFeed>(parts_.portfolio, parts_.book, place.revision, place.feed_id);
      });
}

grpc::ServerUnaryReactor* ValueService::FitRetentionModel(grpc::CallbackServerContext* context,
                                                          const v1::FitRetentionModelRequest* request,
                                                          v1::FitRetentionModelResponse* response) {
  return ServeFit(parts_.fit_pool, context, request, response,
                  [this](const auto& call, const auto& make_context, absl::Time deadline) {
                    return parts_.fits.FitRetention(call, make_context, deadline);
                  });
}

grpc::ServerUnaryReactor* ValueService::FitPurchaseModel(grpc::CallbackServerContext* context,
                                                         const v1::FitPurchaseModelRequest* request,
                                                         v1::FitPurchaseModelResponse* response) {
  return ServeFit(parts_.fit_pool, context, request, response,
                  [this](const auto& call, const auto& make_context, absl::Time deadline) {
                    return parts_.fits.FitPurchase(call, make_context, deadline);
                  });
}

grpc::ServerUnaryReactor* ValueService::FitChurnModel(grpc::CallbackServerContext* context,
                                                      const v1::FitChurnModelRequest* request,
                                                      v1::FitChurnModelResponse* response) {
  return ServeFit(parts_.fit_pool, context, request, response,
                  [this](const auto& call, const auto& make_context, absl::Time deadline) {
                    return parts_.churn_fits.Fit(call, make_context, deadline);
                  });
}

grpc::ServerUnaryReactor* ValueService::GetValueModel(grpc::CallbackServerContext* context,
                                                      const v1::GetValueModelRequest* request,
                                                      v1::GetValueModelResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.library.Get(call); });
}

grpc::ServerUnaryReactor* ValueService::ListValueModels(grpc::CallbackServerContext* context,
                                                        const v1::ListValueModelsRequest* request,
                                                        v1::ListValueModelsResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.library.List(call); });
}

grpc::ServerUnaryReactor* ValueService::DeleteValueModel(grpc::CallbackServerContext* context,
                                                         const v1::DeleteValueModelRequest* request,
                                                         v1::DeleteValueModelResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.library.Delete(call); });
}

grpc::ServerUnaryReactor* ValueService::ProjectRetention(grpc::CallbackServerContext* context,
                                                         const v1::ProjectRetentionRequest* request,
                                                         v1::ProjectRetentionResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.library.Project(call); });
}

grpc::ServerUnaryReactor* ValueService::GetValueSettings(grpc::CallbackServerContext* context,
                                                         const v1::GetValueSettingsRequest* request,
                                                         v1::GetValueSettingsResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.library.GetSettings(call); });
}

grpc::ServerUnaryReactor* ValueService::UpdateValueSettings(grpc::CallbackServerContext* context,
                                                            const v1::UpdateValueSettingsRequest* request,
                                                            v1::UpdateValueSettingsResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.library.UpdateSettings(call); });
}

}  // namespace perennial::health
