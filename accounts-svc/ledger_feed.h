#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/subscription_service.pb.h"

namespace perennial::accounts {

// One reader of the feed of ledgers: where it stands. Not thread-safe.
class LedgerCursor {
 public:
  // `feed_id` is what the reader knows the feed by; it may be empty. Money is in `currency`.
  // A message has about `most_bytes` of ledgers, at most twice as many.
  LedgerCursor(Store& store, const Clock& clock, std::string currency, std::string feed_id, std::int64_t start_revision,
               std::size_t most_bytes = std::size_t{1} << 20)
      : store_(store),
        clock_(clock),
        currency_(std::move(currency)),
        feed_id_(std::move(feed_id)),
        revision_(start_revision),
        most_bytes_(most_bytes) {}

  // What comes next, or nothing: caught up. OUT_OF_RANGE when the feed never gave out the revision that it started from, or
  // is another one than the reader knows.
  absl::StatusOr<std::optional<v1::WatchRevenueMovementsResponse>> Next();

 private:
  absl::Status AddLedger(ReadTransaction& transaction, const LedgerRow& row, v1::AccountLedger& out);
  // Adds the next part of the ledger that was begun.
  void AddPart(v1::WatchRevenueMovementsResponse& message);

  Store& store_;
  const Clock& clock_;
  const std::string currency_;
  const std::string feed_id_;
  std::int64_t revision_;
  const std::size_t most_bytes_;
  bool begun_ = false;
  std::deque<v1::AccountLedger> rest_;  // further parts of one ledger, as it was when the first was sent
  // Revision of the last message that said "caught up"; -1 before the first.
  std::int64_t caught_up_at_ = -1;
};

}  // namespace perennial::accounts
