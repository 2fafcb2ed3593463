#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "accounts-svc/ledger_feed.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/subscription_service.pb.h"

namespace perennial::accounts {

// The rules of SubscriptionService. Thread-safe. Errors are those that the proto lists for the method.
class Subscriptions {
 public:
  // `store` and `clock` must outlive this. Money is in `currency` everywhere.
  Subscriptions(Store& store, const Clock& clock, std::string currency)
      : store_(store), clock_(clock), currency_(std::move(currency)) {}

  absl::StatusOr<v1::CreateSubscriptionResponse> Create(const v1::CreateSubscriptionRequest& request);
  absl::StatusOr<v1::GetSubscriptionResponse> Get(const v1::GetSubscriptionRequest& request);
  absl::StatusOr<v1::ListSubscriptionsResponse> List(const v1::ListSubscriptionsRequest& request);
  absl::StatusOr<v1::UpdateSubscriptionResponse> Update(const v1::UpdateSubscriptionRequest& request);
  absl::StatusOr<v1::CancelSubscriptionResponse> Cancel(const v1::CancelSubscriptionRequest& request);
  absl::StatusOr<v1::ListRevenueMovementsResponse> ListMovements(const v1::ListRevenueMovementsRequest& request);
  // Checks the request and returns where its reader starts.
  absl::StatusOr<std::unique_ptr<LedgerCursor>> Watch(const v1::WatchRevenueMovementsRequest& request);

 private:
  // The subscription as it stands, of a deleted account too, for the answer to its change.
  absl::StatusOr<v1::Subscription> Standing(absl::string_view account_id, absl::string_view id);

  Store& store_;
  const Clock& clock_;
  const std::string currency_;
};

}  // namespace perennial::accounts
