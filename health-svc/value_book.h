#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "health-svc/portfolio.h"
#include "health-svc/value_rules.h"
#include "perennial/health/v1/value.pb.h"

namespace perennial::health {

// What all accounts of a portfolio are worth, in memory: follows each change of facts, models and settings.
//
// The three figures that filters read lie in the portfolio's table as the facts value.churn_probability_12m,
// value.expected_lifetime_months and value.clv; here are only a revision and a fingerprint an account, by which the
// feed of values tells what changed. All else of a value is worked out again from the facts when somebody asks. Nothing
// is stored: a process that starts computes all anew, under another feed_id.
//
// What readers read is guarded by the portfolio's lock, as the rest of it. Writers: safe for many threads, which wait
// for each other.
class ValueBook {
 public:
  // `portfolio` and `clock` must outlive this; `published` is called, without locks, when a sweep has changed values.
  // Before the facts feed is followed.
  static absl::StatusOr<std::unique_ptr<ValueBook>> Create(Portfolio& portfolio, const Clock& clock,
                                                           std::function<void()> published);

  // Takes in what has changed in the portfolio. Call it after each change, before readers are told of it.
  void Follow();
  // Other rules hold from now on; returns once all values follow.
  void SetRules(std::unique_ptr<ValueRules> rules);
  // What accounts bought, by account, of a metric; replaces what was known.
  using PurchasesByAccount = absl::flat_hash_map<std::string, Purchases>;
  void SetPurchases(const std::string& metric, PurchasesByAccount purchases);
  // Does what time alone brings. Call it often.
  void Tick();
  // Metrics whose purchases values need, and whether what is known of one is of an earlier day than now or of before
  // facts that came since.
  [[nodiscard]] std::vector<std::string> MetricsToRead();
  // Ends a sweep that runs, soon. Before the end.
  void Stop() { stopping_ = true; }

  // Reading: hold a ReadLock of the portfolio.
  // Whether the row has a value; the newest revision of it, also of a deleted account.
  [[nodiscard]] bool Has(facts::RowId row) const { return RevisionOf(row) > 0 && portfolio_.table().live(row); }
  [[nodiscard]] std::int64_t RevisionOf(facts::RowId row) const {
    return row < entries_.size() ? entries_[row].revision : 0;
  }
  // The value of a row that has one.
  void Get(facts::RowId row, bool with_reasons, v1::CustomerValue* out) const;
  // Rows whose newest revision is greater than `after`, at most `most`, in order of it.
  [[nodiscard]] std::vector<facts::RowId> ChangedAfter(std::int64_t after, std::size_t most) const;
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  // Every fact up to it is in the values.
  [[nodiscard]] std::int64_t facts_revision() const { return facts_revision_; }
  // Whether all facts that existed when this process began are.
  [[nodiscard]] bool caught_up() const { return caught_up_; }
  [[nodiscard]] const std::string& feed_id() const { return feed_id_; }
  [[nodiscard]] const ValueRules& rules() const { return *rules_; }
  [[nodiscard]] facts::FactId churn_fact() const { return churn_; }
  [[nodiscard]] facts::FactId lifetime_fact() const { return lifetime_; }
  [[nodiscard]] facts::FactId clv_fact() const { return clv_; }

 private:
  struct Entry {
    std::int64_t revision = 0;
    std::uint64_t fingerprint = 0;
  };
  struct Logged {
    std::int64_t revision = 0;
    facts::RowId row = 0;
  };
  // Purchases of one metric, by row where the account is known.
  struct Bought {
    PurchasesByAccount by_account;
    std::int64_t day = -1;       // that they were read on
    std::int64_t revision = -1;  // of the facts that they were read with, at the least
  };

  ValueBook(Portfolio& portfolio, const Clock& clock, std::function<void()> published);
  // Computes ascending rows, those of them that are live, and takes them in.
  void Update(const std::vector<facts::RowId>& rows) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] std::vector<Worth> Compute(const std::vector<facts::RowId>& rows) const;
  // Under a WriteLock.
  void Put(const std::vector<facts::RowId>& rows, const std::vector<Worth>& worths);
  void Log(facts::RowId row);
  // The next rows of a sweep over all; false when it is through.
  bool SweepSome() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Sweep();
  [[nodiscard]] const Purchases* PurchasesOf(const PurchaseModel& model, facts::RowId row) const;

  Portfolio& portfolio_;
  const Clock& clock_;
  const std::function<void()> published_;
  std::string feed_id_;
  facts::FactId churn_ = 0;
  facts::FactId lifetime_ = 0;
  facts::FactId clv_ = 0;

  Mutex mu_;  // of writers; taken before the portfolio's lock
  std::optional<facts::RowId> sweep_ ABSL_GUARDED_BY(mu_);
  std::int64_t swept_day_ ABSL_GUARDED_BY(mu_) = 0;
  std::atomic<int> hurried_ = 0;  // calls that a sweep lets go first
  std::atomic<bool> stopping_ = false;

  // By the portfolio's lock.
  std::vector<facts::RowId> pending_;  // changed since the last Follow()
  std::unique_ptr<ValueRules> rules_;
  std::map<std::string, Bought> bought_;  // by metric
  std::vector<Entry> entries_;            // by row
  std::vector<Logged> log_;               // by revision; stale where the row has a newer one
  std::int64_t revision_ = 0;
  std::int64_t facts_revision_ = 0;
  bool caught_up_ = false;
};

}  // namespace perennial::health
