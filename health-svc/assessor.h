#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/feed/facts_applier.h"
#include "health-svc/assessment.h"
#include "health-svc/flag_transitions.h"
#include "health-svc/portfolio.h"
#include "health-svc/store/health_store.h"

namespace perennial::health {

// The writer of a portfolio: assesses accounts whose facts changed, stores what follows, and only then lets readers see
// it, facts and scores together.
//
// After an error readers see what they saw before, and the call can be made again from feed_revision(). Safe for many
// threads; calls wait for each other.
class Assessor {
 public:
  // All must outlive this. `published` is called after readers can see something new, on the caller's thread, without
  // locks that readers take.
  Assessor(Portfolio& portfolio, HealthStore& store, const Clock& clock, std::function<void()> published);

  // Reads what is stored into the portfolio. Once, before all else.
  absl::Status Load();
  // Applies a message of the facts feed.
  absl::Status Apply(const perennial::accounts::v1::WatchFactsResponse& message);
  // Does what time alone brings: hold times that passed, and with a new day the scores of 30 days before. Call it
  // often.
  absl::Status Tick();
  // The feed has never been where this stands: it was put back to an earlier state. Reads it anew from its start;
  // accounts that it no longer has go once it has been read.
  void StartOver();
  // Sets a person's score over the computed one, or, with nothing, takes it away. Returns the score as it is then.
  // NOT_FOUND, FAILED_PRECONDITION (churned), UNAVAILABLE (its facts have not come yet since the start).
  absl::StatusOr<v1::HealthScore> SetOverride(absl::string_view account_id,
                                              const std::optional<v1::HealthScoreOverride>& by);
  // Does to a raised flag what a person says: step.state is ACKNOWLEDGED, SNOOZED (until `until`) or RESOLVED.
  // NOT_FOUND for a flag that was never raised, FAILED_PRECONDITION for one that has cleared or is resolved,
  // UNAVAILABLE as above.
  absl::Status HandleFlag(absl::string_view account_id, absl::string_view rule, FlagStep step,
                          std::optional<absl::Time> until);
  // Puts another configuration in force once `persist` has stored it; all accounts are assessed anew by the next
  // Tick(). INVALID_ARGUMENT when ids clash; an error of `persist` is returned, and nothing changes.
  absl::Status Reconfigure(Scorecards scorecards, FlagRules rules, const std::function<absl::Status()>& persist);
  // Accounts that had churned before they were first seen, whose last score is still to be found; each is told once,
  // and again when its facts change: its history may still be coming in.
  std::vector<std::string> TakeUnkept();
  // The score that such an account had just before it churned; without effect when it has one by now. An account whose
  // facts have not come yet is told again by TakeUnkept().
  absl::Status SetKept(const std::string& account_id, const v1::HealthScore& kept);
  // Tells TakeUnkept() an account again.
  void ReturnUnkept(std::string account_id);
  // Accounts whose last known values are to be looked for in the facts of the past, with the moment and the revision of the
  // facts that miss them; each is told once.
  struct Missing {
    std::string account_id;
    absl::Time as_of;
    std::int64_t facts_revision = 0;
  };
  std::vector<Missing> TakeMissing();
  // What was found for such an account. Facts that have changed in the meantime are told by TakeMissing() again.
  absl::Status SetCarried(const Missing& missing, CarriedFacts found);
  // Tells TakeMissing() an account again.
  void ReturnMissing(std::string account_id);
  // How many accounts wait to be looked at, after a new day, another configuration or at the start. Any thread, at once.
  [[nodiscard]] std::int64_t to_assess() const { return to_assess_; }
  // Ends a Tick() that runs, soon. Before the end.
  void Stop() { stopping_ = true; }
  // Where to resume the facts feed.
  [[nodiscard]] std::int64_t feed_revision();
  // And what that feed calls itself.
  [[nodiscard]] std::string feed_id();

 private:
  using DueFlag = std::tuple<absl::Time, facts::RowId, std::size_t>;

  absl::Status TickOnce();
  // Notes the flags of an account that goes.
  void RemoveFlags(Assessment& assessment, std::int64_t& flag_revision, HealthBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::vector<ReadRow>> Read(const perennial::accounts::v1::WatchFactsResponse& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Assessment AssessRead(const ReadRow& row, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Where the carried facts of an account stand once its facts are those of `next`: `carried` and the like of an assessment.
  Assessment FollowCarried(const ReadRow& next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether a carried fact is missing that nobody has looked for.
  bool NeedsLookBack(facts::RowId row) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Gives revisions to what changed and stores it all.
  absl::Status Store(std::vector<Assessment>& assessments, absl::Time now, std::int64_t facts_revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Lets readers see it. Under a WriteLock.
  void Publish(const std::vector<Assessment>& assessments) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PublishOne(const Assessment& assessment) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PublishFlag(facts::RowId row, std::size_t rule, const FlagState& state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetDueFlag(facts::RowId row, std::size_t rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Assesses one row anew from the facts in the table.
  Assessment AssessRow(facts::RowId row, absl::Time now, const v1::HealthScoreOverride* by)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The override that stands over a row's score at `now`; null when there is none.
  const v1::HealthScoreOverride* ActiveOverride(facts::RowId row, absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Stores one assessment and lets readers see it.
  absl::Status Settle(Assessment assessment, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<facts::RowId> RowToChange(absl::string_view account_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Flags of rules that are not in `rules`, as tombstones.
  std::vector<StoredFlag> FlagsWithout(const FlagRules& rules) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PutScore(facts::RowId row, const v1::HealthScore& score) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RebuildDueFlags() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Assesses the next rows of a sweep over all; false when it is through.
  absl::StatusOr<bool> SweepSome() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Assesses rows anew from the facts in the table, unless they are settled: all that are seen from `first`, a multiple
  // of 64, to before `end`.
  absl::Status AssessRange(facts::RowId first, facts::RowId end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Assesses rows anew from the facts in the table, some at a time.
  absl::Status AssessRows(const std::vector<facts::RowId>& rows) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AssessAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The first reading of the feed, which tells all accounts: their facts go into the table as they come, and once all
  // are there AssessArrived() assesses them together, by columns.
  absl::Status Arrive(const perennial::accounts::v1::WatchFactsResponse& message, const std::vector<ReadRow>& rows)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AssessArrived() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AssessArrivedRange(facts::RowId first, facts::RowId end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RemoveUnseen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Erases what is stored about accounts that were purged, and takes tombstones out whose ids have new accounts.
  absl::Status Purge(std::vector<ReadRow>& rows) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Follows up what a message asks for beyond its rows; tried again by Tick() after an error.
  absl::Status FollowUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadScores() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadFlags() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadCarried() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Reads the scores of 30 days before `now` into the entries.
  absl::Status LoadBaselines(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] absl::Time Now() const;
  [[nodiscard]] std::int64_t ScoredRevision(std::int64_t facts_revision) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Portfolio& portfolio_;
  HealthStore& store_;
  const Clock& clock_;
  const std::function<void()> published_;
  Mutex mu_;
  std::unique_ptr<FactsApplier> applier_ ABSL_GUARDED_BY(mu_);
  std::int64_t stored_facts_revision_ ABSL_GUARDED_BY(mu_) = 0;
  std::int64_t baseline_day_ ABSL_GUARDED_BY(mu_) = 0;
  std::set<DueFlag> due_ ABSL_GUARDED_BY(mu_);
  std::set<std::pair<absl::Time, facts::RowId>> due_overrides_ ABSL_GUARDED_BY(mu_);
  // Row that a sweep over all has come to.
  std::optional<facts::RowId> sweep_ ABSL_GUARDED_BY(mu_);
  std::atomic<std::int64_t> to_assess_ = 0;
  std::set<std::string> unkept_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> missing_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> stopping_ = false;
  std::atomic<int> hurried_ = 0;  // calls that a sweep lets go first
  bool assess_all_ ABSL_GUARDED_BY(mu_) = false;
  // Until the feed has been read once: what the facts of a row that arrived are as of.
  struct Arrival {
    absl::Time as_of;
    std::int64_t revision = 0;  // 0: the row has not come
  };
  bool arriving_ ABSL_GUARDED_BY(mu_) = true;
  std::vector<Arrival> arrivals_ ABSL_GUARDED_BY(mu_);  // by row
  bool unseen_removed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace perennial::health
