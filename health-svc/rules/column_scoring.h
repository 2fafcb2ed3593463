#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/facts/bitmap.h"
#include "common/facts/fact_table.h"
#include "health-svc/rules/carry.h"
#include "health-svc/rules/scorecard.h"

namespace perennial::health {

// Accounts that one scorecard scored. What it points to is gone after the visit.
struct ScoredBlock {
  const CompiledScorecard* scorecard = nullptr;
  // Where it stands among its Scorecards::all().
  std::size_t scorecard_index = 0;
  absl::Span<const facts::RowId> rows;  // ascending
  absl::Span<const double> scores;      // after exceptions; NaN where unknown
  absl::Span<const double> coverage;
  // By measure: its points by row, and by 1 or 0 whether they are of a value (its own, or one that is carried).
  std::vector<const double*> points;
  std::vector<const double*> valued;
};

// Scores many rows of a table at once: as Scorecards::Evaluate() scores each, to the bit, but column by column, in
// blocks that stay in the processor's cache. Memory does not grow with the table. For one thread at a time.
class ColumnScoring {
 public:
  // What is scored. Rows that are not live or that `wanted` does not have are left out.
  struct Rows {
    const facts::FactTable& table;
    // From `first`, a multiple of 64, to before `end`, at most the table's.
    facts::RowId first = 0;
    facts::RowId end = 0;
    // Moment of a row's facts.
    absl::FunctionRef<absl::Time(facts::RowId)> as_of;
    absl::FunctionRef<bool(facts::RowId)> wanted;
    // What is known of a row's carried facts; null for nothing.
    absl::FunctionRef<const CarriedFacts*(facts::RowId)> carried;
  };
  using Visit = absl::FunctionRef<void(const ScoredBlock&)>;

  // `scorecards` must outlive this and not be resolved meanwhile.
  explicit ColumnScoring(const Scorecards& scorecards) : scorecards_(scorecards) {}

  // Texts are compared anew in each call: some ten thousand rows a call are best.
  void Score(const Rows& rows, Visit visit);

 private:
  class RowFilter;
  struct CardFilters;
  struct MeasureNumbers {
    std::vector<double> points;
    std::vector<double> counts;
    std::vector<double> known;
    std::vector<double> valued;
  };

  void ScoreBlock(const Rows& rows, facts::RowId from, facts::RowId to, std::vector<CardFilters>& filters, Visit visit);
  void ScoreWith(const Rows& rows, std::size_t card, CardFilters& filters, Visit visit);
  void Look(const Rows& rows, const CompiledScorecard& card, std::size_t measure, CardFilters& filters);
  void LookBack(const Rows& rows, const CompiledScorecard& card, std::size_t measure, MeasureNumbers& numbers) const;
  // Points of the rows at some places of the block along one curve.
  void Along(const Curve& curve, const facts::FactTable& table, facts::FactId fact, facts::FactType type,
             absl::Span<const std::uint32_t> places, MeasureNumbers& numbers);
  void ApplyExceptions(const CompiledScorecard& card, CardFilters& filters);

  const Scorecards& scorecards_;
  std::vector<std::vector<facts::RowId>> by_card_;
  std::vector<std::uint32_t> all_places_;
  // Of the block that is being scored, by measure; and what is worked with.
  std::vector<facts::RowId> block_;
  std::vector<MeasureNumbers> measures_;
  std::vector<ScoreMean::Column> columns_;
  std::vector<double> scores_;
  std::vector<double> coverage_;
  std::vector<double> work_;
  std::vector<facts::RowId> rows_;
  std::vector<double> values_;
  std::vector<double> points_;
  std::vector<double> has_;
};

}  // namespace perennial::health
