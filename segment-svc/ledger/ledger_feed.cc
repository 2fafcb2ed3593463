#include "segment-svc/ledger/ledger_feed.h"

namespace perennial::segments {

LedgerFeed::LedgerFeed(LiveLedger& ledger, const std::shared_ptr<grpc::Channel>& accounts)
    : ledger_(ledger),
      stub_(perennial::accounts::v1::SubscriptionService::NewStub(accounts)),
      follow_(
          "ledger", [this](grpc::ClientContext* context) { return Open(context); },
          [this](const Message& message) { return ledger_.Apply(message); },
          [this](const absl::Status& status) {
            // Another database, or an earlier state of it: a backup was restored.
            if (absl::IsOutOfRange(status)) ledger_.Rewind();
          }) {}

std::unique_ptr<grpc::ClientReader<LedgerFeed::Message>> LedgerFeed::Open(grpc::ClientContext* context) {
  const LiveLedger::Position position = ledger_.position();
  perennial::accounts::v1::WatchRevenueMovementsRequest request;
  request.set_start_revision(position.revision);
  request.set_feed_id(position.feed_id);
  return stub_->WatchRevenueMovements(context, request);
}

}  // namespace perennial::segments
