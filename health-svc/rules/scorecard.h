#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/filter/filter.h"
#include "health-svc/rules/carry.h"
#include "health-svc/rules/curve.h"
#include "health-svc/rules/live_filter.h"
#include "health-svc/rules/score_mean.h"
#include "perennial/health/v1/health_score.pb.h"
#include "perennial/health/v1/scorecard.pb.h"

namespace perennial::health {

class CompiledScorecard;

// What one measure found.
struct MeasureOutcome {
  v1::MeasureState state = v1::MEASURE_STATE_UNKNOWN;
  // Of the curve, exactly when the state is KNOWN or CARRIED.
  std::optional<double> points = {};
  // When it is CARRIED: the day (since 1970) that the value is from.
  std::int64_t carried_day = 0;
};

// Points that a measure counts while its fact is missing and nothing is carried; nothing when its weight goes to others.
std::optional<double> PointsWhileMissing(v1::MissingPolicy missing);

// A score and how it came about. Vectors are parallel to the scorecard's measures.
struct Evaluation {
  const CompiledScorecard* scorecard = nullptr;
  std::vector<MeasureOutcome> outcomes = {};
  // Points that count: the curve's (of a carried value, too), or the missing policy's; nothing where the weight went to
  // other measures.
  std::vector<std::optional<double>> points = {};
  // Shares of the score after redistribution: 0 where there are no points, else they add up to 1. All 0 when unknown.
  std::vector<double> weights = {};
  // Weighted mean; nothing when no measure is known.
  std::optional<double> computed = {};
  // After exceptions.
  std::optional<double> score = {};
  // Share of weight on known, fresh values, 0 to 1.
  double coverage = 0;

  struct Effect {
    int exception = 0;  // its index in the scorecard
    double before = 0;
    double after = 0;
  };
  // Exceptions that changed the score, in order.
  std::vector<Effect> effects = {};
};

// One scorecard, ready to run. Resolve() apart, all is const and safe for many threads.
class CompiledScorecard {
 public:
  // `config` has passed CheckScorecards.
  explicit CompiledScorecard(v1::Scorecard config);

  [[nodiscard]] const v1::Scorecard& config() const { return config_; }
  // Looks facts up that the catalogue did not know before. Returns whether anything became usable just now.
  bool Resolve(const facts::FactCatalogue& catalogue);

  [[nodiscard]] bool AppliesTo(const facts::RowReader& row, const filter::EvaluationContext& context) const {
    return applies_to_.text().empty() || applies_to_.Selects(row, context);
  }
  // `carried` holds what is known of carried facts that are missing in the row; null for nothing.
  [[nodiscard]] Evaluation Evaluate(const facts::RowReader& row, const filter::EvaluationContext& context,
                                    const CarriedFacts* carried = nullptr) const;
  // The mean of given outcomes, without exceptions (score equals computed).
  [[nodiscard]] Evaluation Combine(std::vector<MeasureOutcome> outcomes) const;
  // Name of the band that an unrounded score lies in.
  [[nodiscard]] const std::string& BandOf(double score) const;
  // Fact of a measure if the catalogue knows it.
  [[nodiscard]] std::optional<facts::FactId> FactOf(std::size_t measure) const { return measures_[measure].fact; }
  // What its usable measures carry, each fact and age once.
  void AddCarrySpecs(std::vector<CarrySpec>& specs) const;

 private:
  struct CompiledVariant {
    LiveFilter filter;
    Curve curve;
  };
  struct CompiledMeasure {
    Curve curve;
    std::vector<CompiledVariant> variants;
    double max_age_days = 0;
    v1::MissingPolicy missing = v1::MISSING_POLICY_UNSPECIFIED;
    std::int64_t carry_days = 0;
    std::optional<facts::FactId> fact = {};
    facts::FactType type = facts::FactType::kNumber;
    std::optional<facts::FactId> age = {};
    // The fact exists and has a type and an age as the measure needs it.
    bool usable = false;
    bool complained = false;
  };
  bool ResolveMeasure(int index, const facts::FactCatalogue& catalogue);
  [[nodiscard]] MeasureOutcome Look(std::size_t index, const facts::RowReader& row,
                                    const filter::EvaluationContext& context, const CarriedFacts* carried) const;
  // What a measure whose fact is unknown or stale (`missing`) comes to.
  [[nodiscard]] MeasureOutcome LookBack(std::size_t index, const Curve& curve, v1::MeasureState missing,
                                        absl::Time now, const CarriedFacts* carried) const;
  void ApplyExceptions(const facts::RowReader& row, const filter::EvaluationContext& context,
                       Evaluation& evaluation) const;
  // The score after an exception that applies.
  static double After(const v1::ScoreException& exception, double score);
  friend class ColumnScoring;  // the same over columns of facts

  v1::Scorecard config_;
  LiveFilter applies_to_;
  ScoreMean mean_;
  std::vector<CompiledMeasure> measures_;
  std::vector<LiveFilter> exceptions_;
};

// The scorecards of a portfolio in order of priority: the first that applies scores the account.
class Scorecards {
 public:
  // INVALID_ARGUMENT as CheckScorecards says it.
  static absl::StatusOr<Scorecards> Compile(const v1::ScorecardSet& set);

  // As CompiledScorecard::Resolve, for all. Not safe beside the other methods.
  bool Resolve(const facts::FactCatalogue& catalogue);
  // Scores one account. Pure: the same facts and the same moment give the same score.
  [[nodiscard]] Evaluation Evaluate(const facts::RowReader& row, const filter::EvaluationContext& context,
                                    const CarriedFacts* carried = nullptr) const;
  // What all of them carry, each fact and age once.
  [[nodiscard]] std::vector<CarrySpec> CarrySpecs() const;
  // Null when there is none with that id and revision.
  [[nodiscard]] const CompiledScorecard* Find(absl::string_view id, std::int64_t revision) const;
  [[nodiscard]] const std::vector<std::unique_ptr<CompiledScorecard>>& all() const { return scorecards_; }
  // Gives them all away.
  std::vector<std::unique_ptr<CompiledScorecard>> TakeAll() { return std::exchange(scorecards_, {}); }

 private:
  std::vector<std::unique_ptr<CompiledScorecard>> scorecards_;
};

// Reads a configuration file's text. INVALID_ARGUMENT with line and column for text that is no ScorecardSet.
absl::StatusOr<v1::ScorecardSet> ParseScorecards(const std::string& text);

}  // namespace perennial::health
