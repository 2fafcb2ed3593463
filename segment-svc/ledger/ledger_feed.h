#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "common/feed/stream_follower.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "segment-svc/ledger/live_ledger.h"

namespace perennial::segments {

// Follows the revenue ledger of accounts-svc for as long as it lives.
class LedgerFeed {
 public:
  // `ledger` must outlive this.
  LedgerFeed(LiveLedger& ledger, const std::shared_ptr<grpc::Channel>& accounts);

  // StreamFollower::lag_seconds().
  [[nodiscard]] double lag_seconds() const { return follow_.lag_seconds(); }

 private:
  using Message = perennial::accounts::v1::WatchRevenueMovementsResponse;
  std::unique_ptr<grpc::ClientReader<Message>> Open(grpc::ClientContext* context);

  LiveLedger& ledger_;
  const std::unique_ptr<perennial::accounts::v1::SubscriptionService::Stub> stub_;
  StreamFollower<Message> follow_;
};

}  // namespace perennial::segments
