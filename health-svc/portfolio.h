#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_table.h"
#include "health-svc/flag_story.h"
#include "health-svc/health_facts.h"
#include "health-svc/hierarchy.h"
#include "health-svc/portfolio_lock.h"
#include "health-svc/rules/flag_rules.h"
#include "health-svc/rules/flag_timing.h"
#include "health-svc/rules/scorecard.h"
#include "health-svc/store/health_store.h"
#include "perennial/health/v1/health_score.pb.h"

namespace perennial::health {

// A flag rule's standing with an account, in memory.
struct FlagState {
  FlagStanding standing = {};
  MaybeTime snooze_until = {};
  FlagStory story = {};
  // What a person did to it since it was raised: ACKNOWLEDGED, SNOOZED or RESOLVED; UNSPECIFIED when nothing.
  v1::FlagState handled = v1::FLAG_STATE_UNSPECIFIED;
  // In the feed of flags; 0 for one that was never raised.
  std::int64_t revision = 0;

  // Whether it counts as raised: neither resolved nor asleep.
  [[nodiscard]] bool IsRaised(absl::Time now) const {
    return standing.open && handled != v1::FLAG_STATE_RESOLVED && !IsAsleep(now);
  }
  [[nodiscard]] bool IsAsleep(absl::Time now) const {
    return standing.open && handled == v1::FLAG_STATE_SNOOZED && snooze_until.has_value() && now < *snooze_until;
  }
};

// A score that a person set, and what lies beneath it.
struct StandingOverride {
  v1::HealthScoreOverride config;
  std::optional<double> computed;
};

// A flag in the feed of flags.
struct FlagKey {
  facts::RowId row = 0;
  std::uint32_t rule : 31 = 0;  // number of its name, see Portfolio::RuleName()
  std::uint32_t removed : 1 = 0;
};

// Facts, scores and flags of all accounts, in memory: what is stored, together with the facts it was made of.
//
// One writer, which may read without the lock, and many readers, which hold a ReadLock while they look at anything
// here. What a reader sees under one lock belongs together.
class Portfolio {
 public:
  // What the facts of a row don't hold of its score.
  struct Entry {
    std::int64_t revision = 0;  // 0: never scored
    std::int64_t facts_revision = 0;
    absl::Time as_of;
    // The score 30 days before; NaN when unknown.
    double baseline = std::numeric_limits<double>::quiet_NaN();
    std::uint32_t scorecard = 0;  // index in the names of scorecards
    bool frozen = false;
    bool deleted = false;
    // Facts of the row have come from the feed since this process began.
    bool seen = false;
    // What is stored names measures or rules that the configuration has no more: to be stored anew.
    bool outdated = false;
  };

  // INVALID_ARGUMENT when the ids of the configuration clash.
  static absl::StatusOr<std::unique_ptr<Portfolio>> Create(Scorecards scorecards, FlagRules rules);

  [[nodiscard]] PortfolioLock& lock() const { return lock_; }

  // Reading.
  [[nodiscard]] const facts::FactCatalogue& catalogue() const { return catalogue_; }
  [[nodiscard]] const facts::FactTable& table() const { return table_; }
  [[nodiscard]] const Scorecards& scorecards() const { return scorecards_; }
  [[nodiscard]] const FlagRules& rules() const { return rules_; }
  [[nodiscard]] const HealthFacts& health_facts() const { return health_facts_; }
  [[nodiscard]] const Entry& entry(facts::RowId row) const { return entries_[row]; }
  // Row of an account that has a score.
  [[nodiscard]] std::optional<facts::RowId> Find(absl::string_view account_id) const;
  // Whether the account is known to have been deleted.
  [[nodiscard]] bool IsDeleted(absl::string_view account_id) const;
  // The score of a row that Find() gave.
  void GetScore(facts::RowId row, v1::HealthScore* out) const;
  // The scorecard that made it; null when the configuration has it no more.
  [[nodiscard]] const CompiledScorecard* ScorecardOf(facts::RowId row) const;
  // Rows by the revision of their score, tombstones too.
  [[nodiscard]] const absl::btree_map<std::int64_t, facts::RowId>& by_revision() const { return by_revision_; }
  // The greatest revision given out.
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  // What the feed of scores calls itself: that of another store is another one. Set before it is read.
  void SetFeedId(std::string feed_id) { feed_id_ = std::move(feed_id); }
  [[nodiscard]] const std::string& feed_id() const { return feed_id_; }
  // Every fact up to it is in the table and in the scores.
  [[nodiscard]] std::int64_t facts_revision() const { return facts_revision_; }
  // Every fact up to it is in the scores, though perhaps not yet, after a restart, in the table.
  [[nodiscard]] std::int64_t scored_revision() const { return scored_revision_; }
  // Whether all facts that existed when this process began are in the table.
  [[nodiscard]] bool caught_up() const { return caught_up_; }
  // Null when no override stands over the row's score.
  [[nodiscard]] const StandingOverride* OverrideOf(facts::RowId row) const {
    const auto found = overrides_.find(row);
    return found == overrides_.end() ? nullptr : &found->second;
  }
  // What is known of the carried facts of a row that are missing; null for nothing.
  [[nodiscard]] const CarriedFacts* CarriedOf(facts::RowId row) const {
    const auto found = carried_.find(row);
    return found == carried_.end() ? nullptr : &found->second;
  }
  // Who lies below whom, of rows whose facts have come.
  [[nodiscard]] const Hierarchy& hierarchy() const { return hierarchy_; }
  // What the scorecards in force carry.
  [[nodiscard]] const std::vector<CarrySpec>& carry_specs() const { return carry_specs_; }
  // Scorecards that scores name but that are neither in force nor kept beside.
  [[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> UnknownScorecards() const;
  // Flags by their revision, those that are gone too.
  [[nodiscard]] const absl::btree_map<std::int64_t, FlagKey>& flags_by_revision() const { return flags_by_revision_; }
  // The id of a key's rule, which the configuration may have no more.
  [[nodiscard]] const std::string& RuleName(const FlagKey& key) const { return rule_names_[key.rule]; }
  [[nodiscard]] std::int64_t flag_revision() const { return flag_revision_; }
  // Standings of a rule by row; nothing for a row that it never held for.
  [[nodiscard]] const absl::flat_hash_map<facts::RowId, FlagState>& flags(std::size_t rule) const {
    return flags_[rule];
  }

  // Writing: hold a WriteLock.
  facts::FactCatalogue& mutable_catalogue() { return catalogue_; }
  facts::FactTable& mutable_table() { return table_; }
  bool Resolve();  // of scorecards and rules, after the catalogue grew
  void PutScore(facts::RowId row, const v1::HealthScore& score);
  void PutTombstone(facts::RowId row, std::int64_t revision);
  void PutCarried(facts::RowId row, CarriedFacts carried);
  // After the facts of a row changed: its parent may be another.
  void FollowParent(facts::RowId row);
  // Is told each row whose facts changed or whose account went, under the WriteLock; what follows from facts beside scores
  // is worked out from it. Once, before anything is written.
  void SetRowChanged(std::function<void(facts::RowId)> row_changed) { row_changed_ = std::move(row_changed); }
  void PutFlag(facts::RowId row, std::size_t rule, FlagState state);
  // A flag is gone with its account or its rule.
  void PutFlagTombstone(facts::RowId row, const std::string& rule, std::int64_t revision);
  // Its flags are forgotten; those that were raised are to have tombstones then.
  void DropFlags(facts::RowId row);
  void RaiseFlagRevision(std::int64_t revision) { flag_revision_ = std::max(flag_revision_, revision); }
  // Another configuration is in force from now on; flags of rules that it has no more are forgotten. It has passed
  // HealthFacts::Check().
  absl::Status SetConfiguration(Scorecards scorecards, FlagRules rules);
  // Keeps an earlier revision of a scorecard, to explain scores that it made.
  void KeepRetired(std::unique_ptr<CompiledScorecard> scorecard);
  Entry& mutable_entry(facts::RowId row);
  void SetProgress(std::int64_t facts_revision, std::int64_t scored_revision, bool caught_up);
  void RaiseRevision(std::int64_t revision) { revision_ = std::max(revision_, revision); }

 private:
  Portfolio(Scorecards scorecards, FlagRules rules) : scorecards_(std::move(scorecards)), rules_(std::move(rules)) {}
  void SetRevision(facts::RowId row, std::int64_t revision);
  std::uint32_t ScorecardIndex(const std::string& id, std::int64_t revision);
  [[nodiscard]] const CompiledScorecard* FindScorecard(const std::string& id, std::int64_t revision) const;
  void SetFlagRevision(FlagKey key, std::int64_t before, std::int64_t revision);
  // A flag that is no more takes its place in the feed with it.
  void ForgetFlags(const absl::flat_hash_map<facts::RowId, FlagState>& flags);

  struct ScorecardName {
    std::string id;
    std::int64_t revision = 0;
    const CompiledScorecard* compiled = nullptr;
  };

  mutable PortfolioLock lock_;
  Scorecards scorecards_;
  FlagRules rules_;
  facts::FactCatalogue catalogue_;
  facts::FactTable table_;
  HealthFacts health_facts_;
  std::vector<Entry> entries_;  // by row
  std::vector<ScorecardName> scorecard_names_;
  absl::btree_map<std::int64_t, facts::RowId> by_revision_;
  std::vector<absl::flat_hash_map<facts::RowId, FlagState>> flags_;  // by rule
  absl::flat_hash_map<facts::RowId, StandingOverride> overrides_;
  absl::flat_hash_map<facts::RowId, CarriedFacts> carried_;
  std::vector<CarrySpec> carry_specs_;
  Hierarchy hierarchy_;
  std::vector<std::unique_ptr<CompiledScorecard>> retired_;
  absl::btree_map<std::int64_t, FlagKey> flags_by_revision_;
  facts::TextList rule_names_;  // of all rules that flags were ever of
  absl::flat_hash_map<std::pair<facts::RowId, std::uint32_t>, std::int64_t> flag_tombstones_;  // their revisions
  std::int64_t flag_revision_ = 0;
  std::int64_t revision_ = 0;
  std::int64_t facts_revision_ = 0;
  std::int64_t scored_revision_ = 0;
  bool caught_up_ = false;
  std::string feed_id_;
  std::function<void(facts::RowId)> row_changed_ = [](facts::RowId) {};
};

}  // namespace perennial::health
