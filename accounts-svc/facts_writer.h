#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/store/store.h"
#include "accounts-svc/warm_accounts.h"
#include "common/base/clock.h"

namespace perennial::accounts {

// Memory for accounts whose facts follow new use without a look at their history.
constexpr std::size_t kWarmBytes = std::size_t{128} << 20;

// Computes the facts of what a commit touched and puts them into the feed, in the same commit: a reader of the feed
// never sees a change without its facts, or facts without their change.
//
// An account to which a commit only adds use is brought up to date from what is kept in memory of it, if it is: the same
// facts, to the last bit, as from its history. All others are computed from their history.
class FactsWriter final : public CommitHook {
 public:
  // All must outlive this. `on_commit` is called after each commit, on the writer's thread; it must not block. Nobody else
  // may write to the store unless `warm_bytes` is 0.
  FactsWriter(FactNumbering& numbering, const Clock& clock, std::function<void()> on_commit,
              std::size_t warm_bytes = 0)
      : numbering_(numbering), clock_(clock), on_commit_(std::move(on_commit)), warm_(warm_bytes) {}

  absl::Status BeforeWrites(ReadTransaction& transaction) override;
  absl::Status BeforeCommit(WriteTransaction& transaction, const std::set<AccountNo>& touched) override;
  void AfterCommit(std::int64_t revision) override;
  [[nodiscard]] bool KnowsUse(AccountNo no, std::int64_t metric, std::int64_t day) const override;
  [[nodiscard]] bool KnowsUser(AccountNo no, std::int64_t metric, std::int64_t day,
                               absl::string_view user) const override;

 private:
  absl::Status Refresh(WriteTransaction& transaction, AccountNo no, const std::vector<Metric>& metrics, absl::Time now);
  absl::StatusOr<bool> AddUse(WriteTransaction& transaction, AccountNo no, const std::vector<UsageEvent>& events,
                              const std::vector<Metric>& metrics, absl::Time now);

  FactNumbering& numbering_;
  const Clock& clock_;
  const std::function<void()> on_commit_;
  // All below: writer's thread only.
  facts::FactId saved_facts_ = 0;
  WarmAccounts warm_;
  std::vector<AccountNo> unsure_;  // kept as a commit would leave them that is not known to be on disk
};

}  // namespace perennial::accounts
