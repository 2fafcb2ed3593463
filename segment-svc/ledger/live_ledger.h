#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "perennial/accounts/v1/subscription_service.pb.h"
#include "segment-svc/fair_shared_mutex.h"
#include "segment-svc/ledger/revenue_ledger.h"

namespace perennial::segments {

// UNAVAILABLE: the ledger is still being read after a start; worth trying again.
absl::Status LedgerNotCaughtUp();

// The ledger as the feed of accounts-svc (SubscriptionService.WatchRevenueMovements) keeps it. It lives in memory
// alone: after a start it is read anew, in the background. Safe to use from many threads; a change waits for readers.
class LiveLedger {
 public:
  // Rows of accounts by their ids, made where there are none.
  using RowsOf = absl::AnyInvocable<std::vector<facts::RowId>(absl::Span<const std::string> account_ids) const>;

  // How far the ledger is.
  struct Progress {
    // Everything up to it is in; 0 until all of the feed has come once.
    std::int64_t revision = 0;
    // Counts the feeds that revisions are of.
    std::int64_t feed = 0;
  };
  // Called after each change, without locks. Must not block.
  using Advanced = absl::AnyInvocable<void(const Progress&) const>;

  // Amounts are in `currency`.
  LiveLedger(std::string currency, RowsOf rows_of, Advanced advanced = [](const Progress&) {})
      : currency_(std::move(currency)), rows_of_(std::move(rows_of)), advanced_(std::move(advanced)) {}

  // Takes in a message of the feed. DATA_LOSS when it makes no sense; nothing of it is applied then.
  absl::Status Apply(const perennial::accounts::v1::WatchRevenueMovementsResponse& message);
  // Forgets everything, because the feed is another one or an earlier state of it: there is no ledger until it has come
  // again.
  void Rewind();

  // Where to resume.
  struct Position {
    std::int64_t revision = 0;
    std::string feed_id;
  };
  [[nodiscard]] Position position() const;
  [[nodiscard]] bool caught_up() const;

  // Runs `body(const RevenueLedger&, revision)` while nothing changes, and returns what it returns: a StatusOr.
  // UNAVAILABLE until all of the feed has come once. Must not call anything that waits for the feed.
  template <class Body>
  auto Read(Body body) const -> decltype(body(std::declval<const RevenueLedger&>(), std::int64_t{})) {
    const ReadLock lock(mu_);
    if (!caught_up_) return LedgerNotCaughtUp();
    return body(ledger_, position_.revision);
  }

 private:
  struct Change {
    std::string account_id;
    std::vector<MrrStep> steps;
  };
  void TellProgress() const;
  [[nodiscard]] absl::Status ReadChange(const perennial::accounts::v1::AccountLedger& ledger, Change& change) const;

  // Puts what came of a ledger before its part `change` in front of it, and keeps that if more is to come.
  [[nodiscard]] absl::Status Join(const perennial::accounts::v1::AccountLedger& part, Change& change);

  Change begun_;  // only for the thread that applies messages
  const std::string currency_;
  const RowsOf rows_of_;
  const Advanced advanced_;
  mutable FairSharedMutex mu_;
  RevenueLedger ledger_ ABSL_GUARDED_BY(mu_);
  Position position_ ABSL_GUARDED_BY(mu_);
  bool caught_up_ ABSL_GUARDED_BY(mu_) = false;
  std::int64_t feeds_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace perennial::segments
