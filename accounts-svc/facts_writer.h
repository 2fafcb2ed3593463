#pragma once

#include <cstdint>
#include <functional>
#include <set>

#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"

namespace perennial::accounts {

// Computes the facts of what a commit touched and puts them into the feed, in the same commit: a reader of the feed
// never sees a change without its facts, or facts without their change.
class FactsWriter final : public CommitHook {
 public:
  // All must outlive this. `on_commit` is called after each commit, on the writer's thread; it must not block.
  FactsWriter(FactNumbering& numbering, const Clock& clock, std::function<void()> on_commit)
      : numbering_(numbering), clock_(clock), on_commit_(std::move(on_commit)) {}

  absl::Status BeforeWrites(ReadTransaction& transaction) override;
  absl::Status BeforeCommit(WriteTransaction& transaction, const std::set<AccountNo>& touched) override;
  void AfterCommit(std::int64_t revision) override;

 private:
  absl::Status Refresh(WriteTransaction& transaction, AccountNo no, const std::vector<Metric>& metrics, absl::Time now);

  FactNumbering& numbering_;
  const Clock& clock_;
  const std::function<void()> on_commit_;
  facts::FactId saved_facts_ = 0;  // writer's thread only
};

}  // namespace perennial::accounts
