#pragma once

#include "accounts-svc/subscriptions.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Subscriptions over gRPC. All it adds is the transport.
class SubscriptionService final : public v1::SubscriptionService::CallbackService {
 public:
  // All must outlive this. `watch_pool` is for streams, so that many readers of the feed do not hold up single calls.
  SubscriptionService(Subscriptions& subscriptions, WorkerPool& pool, WorkerPool& watch_pool, WatchHub& hub)
      : subscriptions_(subscriptions), pool_(pool), watch_pool_(watch_pool), hub_(hub) {}

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
  grpc::ServerWriteReactor<v1::WatchRevenueMovementsResponse>* WatchRevenueMovements(
      grpc::CallbackServerContext* context, const v1::WatchRevenueMovementsRequest* request) override;

 private:
  Subscriptions& subscriptions_;
  WorkerPool& pool_;
  WorkerPool& watch_pool_;
  WatchHub& hub_;
};

}  // namespace perennial::accounts
