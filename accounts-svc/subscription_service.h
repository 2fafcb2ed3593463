#pragma once

#include "accounts-svc/subscriptions.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Subscriptions over gRPC. All it adds is the transport.
class SubscriptionService final : public v1::SubscriptionService::CallbackService {
 public:
  // Both must outlive this.
  SubscriptionService(Subscriptions& subscriptions, WorkerPool& pool) : subscriptions_(subscriptions), pool_(pool) {}

  grpc::ServerUnaryReactor* CreateSubscription(grpc::CallbackServerContext* context, const v1::CreateSubscriptionRequest* request,
                                   v1::CreateSubscriptionResponse* response) override;
  grpc::ServerUnaryReactor* GetSubscription(grpc::CallbackServerContext* context, const v1::GetSubscriptionRequest* request,
                                   v1::GetSubscriptionResponse* response) override;
  grpc::ServerUnaryReactor* ListSubscriptions(grpc::CallbackServerContext* context, const v1::ListSubscriptionsRequest* request,
                                   v1::ListSubscriptionsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateSubscription(grpc::CallbackServerContext* context, const v1::UpdateSubscriptionRequest* request,
                                   v1::UpdateSubscriptionResponse* response) override;
  grpc::ServerUnaryReactor* CancelSubscription(grpc::CallbackServerContext* context, const v1::CancelSubscriptionRequest* request,
                                   v1::CancelSubscriptionResponse* response) override;
  grpc::ServerUnaryReactor* ListRevenueMovements(grpc::CallbackServerContext* context, const v1::ListRevenueMovementsRequest* request,
                                   v1::ListRevenueMovementsResponse* response) override;

 private:
  Subscriptions& subscriptions_;
  WorkerPool& pool_;
};

}  // namespace perennial::accounts
