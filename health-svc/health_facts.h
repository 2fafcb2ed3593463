#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/facts/fact_table.h"
#include "health-svc/rules/flag_rules.h"
#include "health-svc/rules/scorecard.h"
#include "perennial/health/v1/health_score.pb.h"

namespace perennial::health {

// The facts that this service adds to those of the accounts, so that filters can read scores and flags: health.score,
// health.band, health.band_time, health.coverage, health.change_30d, health.measure.<id>, flags.open and flags.<rule>. In names of facts
// a "-" of an id becomes "_".
//
class HealthFacts {
 public:
  // INVALID_ARGUMENT when two ids of a configuration become the same name.
  static absl::Status Check(const Scorecards& scorecards, const FlagRules& rules);
  // Adds them to an empty catalogue. INVALID_ARGUMENT as Check() says it.
  static absl::StatusOr<HealthFacts> Register(const Scorecards& scorecards, const FlagRules& rules,
                                              facts::FactCatalogue& catalogue);
  // Follows another configuration, which has passed Check(). Facts of measures that it has no more stay readable until
  // their scores are put anew; those of rules are false no more but unknown then.
  absl::Status Follow(const Scorecards& scorecards, const FlagRules& rules, facts::FactCatalogue& catalogue);

  // Whether a fact is one of these.
  [[nodiscard]] bool Owns(facts::FactId fact) const { return fact < owned_.size() && owned_[fact]; }
  // The values of a score as facts. Flags that are not open are false, not unknown.
  [[nodiscard]] facts::FactRow ToFacts(const v1::HealthScore& score) const;
  // Sets the row's facts to those of the score.
  void Put(const v1::HealthScore& score, facts::RowId row, const facts::FactCatalogue& catalogue,
           facts::FactTable& table) const;
  // Fills in what facts hold of a score; `scorecard` gives the order of measures and may be null.
  void Get(const facts::FactTable& table, facts::RowId row, const CompiledScorecard* scorecard,
           v1::HealthScore* out) const;
  // For order_by.
  [[nodiscard]] facts::FactId score() const { return score_; }
  [[nodiscard]] facts::FactId coverage() const { return coverage_; }
  [[nodiscard]] facts::FactId change() const { return change_; }
  // Fact of a measure's points; nothing when no configuration had that measure.
  [[nodiscard]] std::optional<facts::FactId> MeasureFact(const std::string& measure) const {
    const auto found = measures_.find(measure);
    return found == measures_.end() ? std::nullopt : std::optional<facts::FactId>(found->second);
  }

 private:
  facts::FactId score_ = 0;
  facts::FactId band_ = 0;
  facts::FactId band_time_ = 0;
  facts::FactId coverage_ = 0;
  facts::FactId change_ = 0;
  facts::FactId open_ = 0;
  absl::StatusOr<facts::FactId> Add(facts::FactDefinition definition, facts::FactCatalogue& catalogue);

  absl::flat_hash_map<std::string, facts::FactId> measures_;  // those of earlier configurations too
  std::vector<std::string> measure_ids_;                      // sorted
  std::vector<std::pair<std::string, facts::FactId>> flags_;  // by id of the rule
  std::vector<facts::FactId> all_;                            // ascending
  std::vector<bool> owned_;                                   // by id
};

// A row of facts that is about to be: facts of the accounts from one reader, ours from another.
class PendingRow final : public facts::RowReader {
 public:
  // Both must outlive this.
  PendingRow(const facts::RowReader& theirs, const facts::RowReader& ours, const HealthFacts& which)
      : theirs_(theirs), ours_(ours), which_(which) {}
  [[nodiscard]] std::optional<double> Number(facts::FactId fact) const override { return Of(fact).Number(fact); }
  [[nodiscard]] std::optional<absl::string_view> Text(facts::FactId fact) const override { return Of(fact).Text(fact); }
  [[nodiscard]] bool HasSet(facts::FactId fact) const override { return Of(fact).HasSet(fact); }
  [[nodiscard]] bool SetContains(facts::FactId fact, absl::string_view element) const override {
    return Of(fact).SetContains(fact, element);
  }
  [[nodiscard]] facts::StringSet Set(facts::FactId fact) const override { return Of(fact).Set(fact); }

 private:
  [[nodiscard]] const facts::RowReader& Of(facts::FactId fact) const { return which_.Owns(fact) ? ours_ : theirs_; }
  const facts::RowReader& theirs_;
  const facts::RowReader& ours_;
  const HealthFacts& which_;
};

}  // namespace perennial::health
