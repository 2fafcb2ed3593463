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
constexpr std::size_t kWarmBytes = std::size_t{32} << 20;

// Computes the facts of what a commit touched and puts them into the feed, in the same commit: a reader of the feed
// never sees a change without its facts, or facts without their change.
//
// An account to which a commit only adds use is brought up to date from what is kept of it, if it is: the same facts, to the
// last bit, as from its history. All others are computed from their history. It is kept in memory; and where there are more
// accounts than memory is for, or other processes write too, beside the facts in the store.
class FactsWriter final : public CommitHook {
 public:
  struct Memory {
    std::size_t bytes = 0;  // 0: every account is computed from its history
    // Others write to the store too: nothing is taken from one transaction to the next.
    bool shared = false;
    // From so many accounts on, what is kept is stored too.
    AccountNo many_accounts = kWarmBytes / 4096;
  };
  // All must outlive this. `on_commit` is called after each commit, on the writer's thread; it must not block.
  FactsWriter(FactNumbering& numbering, const Clock& clock, std::function<void()> on_commit, Memory memory)
      : numbering_(numbering), clock_(clock), on_commit_(std::move(on_commit)), memory_(memory), warm_(memory.bytes) {}

  absl::Status BeforeUse(ReadTransaction& transaction, const std::vector<AccountNo>& accounts) override;
  absl::Status BeforeWrites(ReadTransaction& transaction) override;
  absl::Status BeforeCommit(WriteTransaction& transaction, const std::set<AccountNo>& touched) override;
  void AfterCommit(std::int64_t revision) override;
  void Committed(std::size_t writes, absl::Duration time) override {
    if (meter_) meter_(writes, time);
  }
  // Told of each commit: how many writes shared it, and how long it took. On the writer's thread; must not block. Before the first
  // write.
  void SetMeter(std::function<void(std::size_t, absl::Duration)> meter) { meter_ = std::move(meter); }
  [[nodiscard]] bool KnowsUse(AccountNo no, std::int64_t metric, std::int64_t day) const override;
  [[nodiscard]] bool KnowsUser(AccountNo no, std::int64_t metric, std::int64_t day,
                               absl::string_view user) const override;

 private:
  absl::Status Refresh(WriteTransaction& transaction, AccountNo no, const std::vector<Metric>& metrics, absl::Time now);
  absl::StatusOr<bool> AddUse(WriteTransaction& transaction, AccountNo no, const std::vector<UsageEvent>& events,
                              const std::vector<Metric>& metrics, absl::Time now);

  absl::Status LearnRules(ReadTransaction& transaction);
  absl::Status PutIfChanged(WriteTransaction& transaction, AccountNo no, FeedRow row) const;
  absl::Status PutUse(WriteTransaction& transaction, AccountNo no, WarmAccount& account, bool facts_changed) const;
  [[nodiscard]] std::string StateOf(const WarmAccount& account) const;

  FactNumbering& numbering_;
  const Clock& clock_;
  const std::function<void()> on_commit_;
  const Memory memory_;
  std::function<void(std::size_t, absl::Duration)> meter_;
  // All below: writer's thread only.
  facts::FactId saved_facts_ = 0;
  bool stores_states_ = false;
  std::int64_t rules_revision_ = 0;  // at the beginning of the transaction
  WarmAccounts warm_;
  std::vector<AccountNo> unsure_;  // kept as a commit would leave them that is not known to be on disk
};

}  // namespace perennial::accounts
