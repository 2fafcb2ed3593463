#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "perennial/accounts/v1/subscription_service.pb.h"

namespace perennial::segments::testing {

// "2024-03-05" or "2024-03-05T12:30:00.5Z" in UTC.
absl::Time At(const std::string& text);

// The revenue ledger of accounts-svc, as a model: the newest ledger of each account, in order of revision.
class MovementsFeed {
 public:
  // What an account pays from a moment on, in units.
  struct Change {
    std::string time;
    double mrr = 0;
  };
  // Replaces the ledger of an account; returns the revision.
  std::int64_t Put(const std::string& account, const std::vector<Change>& changes);
  std::int64_t Delete(const std::string& account);
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  [[nodiscard]] const std::string& feed_id() const { return feed_id_; }
  void SetFeedId(std::string feed_id) { feed_id_ = std::move(feed_id); }
  // Everything newer than `revision`, in one message that has caught up.
  [[nodiscard]] perennial::accounts::v1::WatchRevenueMovementsResponse Since(std::int64_t revision) const;

 private:
  std::map<std::string, perennial::accounts::v1::AccountLedger> ledgers_;
  std::int64_t revision_ = 0;
  std::string feed_id_ = "first";
};

}  // namespace perennial::segments::testing
