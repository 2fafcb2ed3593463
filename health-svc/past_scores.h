#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/facts/fact_row.h"
#include "health-svc/past_facts.h"
#include "health-svc/portfolio.h"
#include "health-svc/scorecard_library.h"
#include "perennial/health/v1/health_score.pb.h"

namespace perennial::health {

// A score that was computed from the facts of a moment, and what it was computed from.
struct PastScore {
  std::shared_ptr<const CompiledScorecard> scorecard = {};
  facts::FactRow facts = {};
  CarriedFacts carried = {};
  Evaluation evaluation = {};
  // Moment asked for.
  absl::Time as_of;
  // Moment of the facts: before the churn of an account that had churned by then.
  absl::Time facts_time;
  std::int64_t facts_revision = 0;
  // The account had churned: the score is that of just before.
  bool frozen = false;
};

// Which scorecard scores.
struct ScorecardChoice {
  // Id; empty for the one of those in force that applies.
  std::string id = {};
  // 0 for the one in force.
  std::int64_t revision = 0;
};

// Computes scores of any moment anew from the facts of accounts-svc. The same moment and scorecard give the same score.
// Blocks; safe for many threads.
class PastScores {
 public:
  // All must outlive this.
  PastScores(const PastFacts& facts, const Portfolio& portfolio, ScorecardLibrary& library, const Clock& clock)
      : facts_(facts), portfolio_(portfolio), library_(library), clock_(clock) {}

  // `as_of` absent means now. NOT_FOUND for an account that was not there, or a scorecard that is not; else as
  // PastFacts.
  absl::StatusOr<PastScore> Compute(const std::string& account, std::optional<absl::Time> as_of,
                                    const ScorecardChoice& choice, PastFacts::Deadline deadline) const;
  // What is known of facts that the scorecard carries and that are missing in `row`, the account's facts as of `time`.
  absl::StatusOr<CarriedFacts> Carried(const std::string& account, const CompiledScorecard& scorecard,
                                       const facts::RowReader& row, absl::Time time,
                                       PastFacts::Deadline deadline) const;
  // Looks for the last known values of facts that are missing as of `time` at the ends of the days before. An entry for
  // each, without a value where there is none in reach.
  absl::StatusOr<CarriedFacts> LookBack(const std::string& account, absl::Time time, std::vector<CarrySpec> missing,
                                        PastFacts::Deadline deadline) const;
  // As it is answered, without what only the live service knows: override, flags, revision, change_30d.
  static v1::HealthScore ToAnswer(const std::string& account, const PastScore& score);

 private:
  absl::StatusOr<std::shared_ptr<const CompiledScorecard>> Choose(const ScorecardChoice& choice,
                                                                  const facts::RowReader& row, absl::Time time) const;

  const PastFacts& facts_;
  const Portfolio& portfolio_;
  ScorecardLibrary& library_;
  const Clock& clock_;
};

}  // namespace perennial::health
