#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_table.h"
#include "common/feed/facts_applier.h"
#include "perennial/health/v1/health_score_service.pb.h"

namespace perennial::segments {

// Applies messages of HealthScoreService.WatchHealthScores to a table as facts that only segments and reports know:
//
//   health.score, health.band, health.band_time, health.coverage, health.change_30d, health.measure.<id>,
//   flags.open (how many are raised), flags.<rule> (true while it is raised; false for an account whose score has
//   come and that does not have it raised)
//
// In the names of measures and rules "-" becomes "_". Not thread-safe: guard it together with the table.
//
// There are as many feeds as health-svc has shards, each with revisions of its own and the scores of its own accounts.
class HealthFacts {
 public:
  // Both must outlive this.
  HealthFacts(facts::FactCatalogue& catalogue, facts::FactTable& table);

  // How many feeds there are, 1 unless this says otherwise. Before the first message.
  void SetFeeds(std::size_t count) { feeds_.resize(count); }
  // As AccountFacts::TrackChanges().
  void TrackChanges(bool on) { track_ = on; }
  [[nodiscard]] std::size_t feed_count() const { return feeds_.size(); }

  // Makes the facts of these flag rules known, so that filters may read them before any is raised.
  absl::Status KnowRules(const std::vector<std::string>& rule_ids);
  // Which of the rules are opportunities rather than risks.
  void KnowOpportunities(std::set<std::string> rule_ids) { opportunities_ = std::move(rule_ids); }
  [[nodiscard]] const std::set<std::string>& opportunities() const { return opportunities_; }
  // Makes facts known that an earlier run has seen, by their names in the catalogue.
  absl::Status KnowFacts(const std::vector<std::string>& names);

  // DATA_LOSS when the message makes no sense; rows before the bad one are applied then. A tombstone counts only when it
  // comes from the feed that the account's score came from: when shards are cut anew, an account goes from one to
  // another.
  absl::StatusOr<std::vector<AppliedRow>> Apply(const perennial::health::v1::WatchHealthScoresResponse& message,
                                                std::size_t feed = 0);

  // Facts of a row as they stand, if they come from facts newer than `facts_revision`. For a tombstone that arrives
  // after the score of the account's next life: deleting the row takes its health away, and health-svc does not send
  // it again.
  [[nodiscard]] std::optional<facts::FactRow> NewerThan(facts::RowId row, std::int64_t facts_revision) const;
  void Restore(facts::RowId row, const facts::FactRow& facts);

  // Begins a feed anew, with what has been applied kept until it is sent again: the sender's revisions have started
  // over.
  void Rewind(std::size_t feed = 0);

  // What the sender calls a feed; empty when it does not say.
  [[nodiscard]] const std::string& feed_id(std::size_t feed = 0) const { return feeds_[feed].feed_id; }
  // Everything of a feed up to it has been applied; where to resume.
  [[nodiscard]] std::int64_t revision(std::size_t feed = 0) const { return feeds_[feed].revision; }
  // Scores from facts up to this revision have been applied, of all feeds; 0 while one has not sent all of its scores.
  [[nodiscard]] std::int64_t scored_facts_revision() const;
  // Whether all feeds have been.
  [[nodiscard]] bool caught_up() const;
  // Fact that tells whether a rule is raised, by rule id.
  [[nodiscard]] const std::map<std::string, facts::FactId>& rules() const { return rules_; }
  // Names of facts that were not given by KnowFacts() and not returned before.
  std::vector<std::string> TakeNewNames();
  // Gives them back, for the next TakeNewNames().
  void ReturnNewNames(const std::vector<std::string>& names);

 private:
  struct Feed {
    std::int64_t revision = 0;
    std::string feed_id = {};
    std::int64_t scored_facts_revision = 0;
    bool caught_up = false;
  };
  absl::StatusOr<facts::FactId> Register(facts::FactDefinition definition);
  absl::StatusOr<facts::FactId> Measure(absl::string_view id);
  absl::StatusOr<facts::FactId> Rule(absl::string_view id);
  absl::StatusOr<facts::FactRow> Facts(const perennial::health::v1::HealthScore& score);
  facts::RowId RowOf(absl::string_view account_id);

  facts::FactCatalogue& catalogue_;
  facts::FactTable& table_;
  facts::FactId score_, band_, band_time_, coverage_, change_30d_, open_flags_;
  bool track_ = true;
  std::vector<facts::FactId> owned_;  // ascending
  std::map<std::string, facts::FactId, std::less<>> measures_;
  std::map<std::string, facts::FactId> rules_;
  std::set<std::string> opportunities_;
  std::vector<std::string> new_names_;
  std::vector<std::int64_t> scored_from_;  // facts revision of the newest score, by row
  std::vector<std::uint16_t> scored_by_;   // feed that it came from, by row
  std::vector<Feed> feeds_ = std::vector<Feed>(1);
};

}  // namespace perennial::segments
