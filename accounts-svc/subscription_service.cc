#include "accounts-svc/subscription_service.h"

#include <memory>
#include <optional>
#include <utility>

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* SubscriptionService::CreateSubscription(grpc::CallbackServerContext* context, const v1::CreateSubscriptionRequest* request,
                                         v1::CreateSubscriptionResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return subscriptions_.Create(call); });
}

grpc::ServerUnaryReactor* SubscriptionService::GetSubscription(grpc::CallbackServerContext* context, const v1::GetSubscriptionRequest* request,
                                         v1::GetSubscriptionResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return subscriptions_.Get(call); });
}

grpc::ServerUnaryReactor* SubscriptionService::ListSubscriptions(grpc::CallbackServerContext* context, const v1::ListSubscriptionsRequest* request,
                                         v1::ListSubscriptionsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return subscriptions_.List(call); });
}

grpc::ServerUnaryReactor* SubscriptionService::UpdateSubscription(grpc::CallbackServerContext* context, const v1::UpdateSubscriptionRequest* request,
                                         v1::UpdateSubscriptionResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return subscriptions_.Update(call); });
}

grpc::ServerUnaryReactor* SubscriptionService::CancelSubscription(grpc::CallbackServerContext* context, const v1::CancelSubscriptionRequest* request,
                                         v1::CancelSubscriptionResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return subscriptions_.Cancel(call); });
}

grpc::ServerUnaryReactor* SubscriptionService::ListRevenueMovements(grpc::CallbackServerContext* context, const v1::ListRevenueMovementsRequest* request,
                                         v1::ListRevenueMovementsResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return subscriptions_.ListMovements(call); });
}

grpc::ServerWriteReactor<v1::WatchRevenueMovementsResponse>* SubscriptionService::WatchRevenueMovements(
    grpc::CallbackServerContext*, const v1::WatchRevenueMovementsRequest* request) {
  using Response = v1::WatchRevenueMovementsResponse;
  auto cursor = subscriptions_.Watch(*request);
  if (!cursor.ok()) {
    return WatchStream<Response>::Start(
        hub_, watch_pool_, [status = cursor.status()]() -> absl::StatusOr<std::optional<Response>> { return status; });
  }
  return WatchStream<Response>::Start(
      hub_, watch_pool_, [cursor = std::shared_ptr<LedgerCursor>(*std::move(cursor))] { return cursor->Next(); });
}

}  // namespace perennial::accounts
