#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {

// A reader of WatchRevenueMovements that keeps what the feed says and checks that it keeps the feed's promises.
class LedgerFollower {
 public:
  LedgerFollower(v1::SubscriptionService::Stub& stub, std::int64_t start, const std::string& feed_id = "")
      : revision_(start) {
    v1::WatchRevenueMovementsRequest request;
    request.set_start_revision(start);
    request.set_feed_id(feed_id);
    reader_ = stub.WatchRevenueMovements(&call_.context, request);
  }
  ~LedgerFollower() {
    if (reader_ == nullptr) return;
    call_.context.TryCancel();
    v1::WatchRevenueMovementsResponse rest;
    while (reader_->Read(&rest)) {
    }
    (void)reader_->Finish();
  }

  // Reads one message; false at the end of the stream.
  bool ReadOne() {
    v1::WatchRevenueMovementsResponse message;
    if (!reader_->Read(&message)) return false;
    if (messages_++ == 0) feed_id_ = message.feed_id();
    for (const v1::AccountLedger& ledger : message.ledgers()) Apply(ledger);
    EXPECT_GE(message.progress_revision(), revision_);
    revision_ = message.progress_revision();
    caught_up_ = message.caught_up();
    return true;
  }
  // Reads until the server says that nothing newer was there, and `done` holds.
  void ReadUntil(const std::function<bool()>& done) {
    while (!caught_up_ || !done()) {
      if (!ReadOne()) {
        ADD_FAILURE() << "the feed ended: " << Finish().error_message();
        return;
      }
    }
  }
  void CatchUp() {
    ReadUntil([] { return true; });
  }
  grpc::Status Finish() {
    v1::WatchRevenueMovementsResponse rest;
    while (reader_->Read(&rest)) {
    }
    const grpc::Status status = reader_->Finish();
    reader_ = nullptr;
    return status;
  }

  // Of each live account its movements as "kind amount after", oldest first.
  std::map<std::string, std::vector<std::string>> ledgers_;
  std::map<std::string, int> tombstones_;
  std::string feed_id_;
  std::int64_t revision_ = 0;
  bool caught_up_ = false;
  int messages_ = 0;
  int parts_ = 0;  // of ledgers too great for a message, but for the last ones

 private:
  void Apply(const v1::AccountLedger& ledger) {
    EXPECT_GT(ledger.revision(), revision_);
    EXPECT_EQ(ledger.continues_previous(), !begun_.account().empty());
    if (ledger.continues_previous()) {
      EXPECT_EQ(ledger.account(), begun_.account());
      EXPECT_EQ(ledger.revision(), begun_.revision());
    }
    if (ledger.continues_next()) {
      ++parts_;
      begun_.MergeFrom(ledger);
      return;
    }
    if (ledger.continues_previous()) {
      begun_.MergeFrom(ledger);
      const v1::AccountLedger whole = std::exchange(begun_, v1::AccountLedger());
      ApplyWhole(whole);
      return;
    }
    ApplyWhole(ledger);
  }
  void ApplyWhole(const v1::AccountLedger& ledger) {
    revision_ = ledger.revision();
    if (ledger.deleted()) {
      ledgers_.erase(ledger.account());
      ++tombstones_[ledger.account()];
      EXPECT_EQ(ledger.movements_size(), 0);
      return;
    }
    std::vector<std::string>& out = ledgers_[ledger.account()];
    out.clear();
    absl::Time last = absl::InfinitePast();
    for (const v1::RevenueMovement& movement : ledger.movements()) {
      EXPECT_EQ(movement.account(), "");
      EXPECT_LT(last, ToTime(movement.effective_time()));
      last = ToTime(movement.effective_time());
      out.push_back(v1::MovementKind_Name(movement.kind()).substr(14) + " " + movement.amount().amount() + " " +
                    movement.mrr_after().amount());
    }
  }

  v1::AccountLedger begun_;
  Call call_;
  std::unique_ptr<grpc::ClientReader<v1::WatchRevenueMovementsResponse>> reader_;
};

}  // namespace perennial::accounts::testing
