#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "health-svc/rules/roc.h"
#include "health-svc/rules/scorecard.h"
#include "perennial/health/v1/scorecard_service.pb.h"

namespace perennial::health {

// Adds up what became of scored accounts, and tells how well the scores told it. Its memory does not depend on how many
// there are. Not thread-safe.
class BacktestTally {
 public:
  // `scorecard` must outlive this; `horizon_days` is the longest time between a date and a churn.
  BacktestTally(const CompiledScorecard& scorecard, int horizon_days);

  // A paying account as of a date: its score, and how long after the date it churned (nothing: not within the horizon).
  void Add(const Evaluation& evaluation, std::optional<double> days_to_churn);
  [[nodiscard]] std::int64_t accounts() const { return scores_.total(); }
  [[nodiscard]] std::int64_t churned() const { return scores_.positives(); }
  [[nodiscard]] std::int64_t unknown() const { return unknown_; }
  // All figures. Needs two accounts of each kind.
  [[nodiscard]] v1::BacktestScorecardResponse Result() const;

 private:
  struct BandCount {
    std::int64_t accounts = 0;
    std::int64_t churned = 0;
    double scores = 0;
  };
  void AddDeciles(v1::BacktestScorecardResponse& out) const;
  void AddBands(v1::BacktestScorecardResponse& out) const;
  void AddMeasures(v1::BacktestScorecardResponse& out) const;
  [[nodiscard]] std::size_t BandOf(double score) const;

  const CompiledScorecard& scorecard_;
  ScoreCounts scores_;
  std::vector<ScoreCounts> measures_;
  std::vector<BandCount> bands_;
  // Of churned accounts of the lowest band, by whole days until they churned.
  std::vector<std::int64_t> lead_days_;
  std::int64_t unknown_ = 0;
};

}  // namespace perennial::health
