#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "common/facts/bitmap.h"
#include "health-svc/portfolio.h"
#include "health-svc/rules/column_scoring.h"

namespace perennial::health {

// Tells, by columns, which of many rows need no assessment of their own: assessing them would find the score, its
// measures and the flags that the portfolio shows already. Rows of which that is not plain, such as those with an
// override, are never among them. Reads the portfolio; for its writer, or under a lock. For one thread at a time.
class SettledRows {
 public:
  // `portfolio` must outlive this, and keep its configuration.
  explicit SettledRows(const Portfolio& portfolio) : portfolio_(portfolio), scoring_(portfolio.scorecards()) {}

  // Of the rows from `first`, a multiple of 64, to before `end`, at most the table's; bit 0 stands for `first`. `as_of`
  // gives the moment of the facts that are in the table.
  facts::Bitmap Find(facts::RowId first, facts::RowId end, absl::FunctionRef<absl::Time(facts::RowId)> as_of);

 private:
  [[nodiscard]] bool MayBe(facts::RowId row) const;
  // Takes away the rows of a block whose score or measures are others than those shown.
  void CompareScores(const ScoredBlock& block, facts::RowId first, facts::Bitmap& settled) const;
  // Takes away the rows for which a rule says otherwise than its flag stands.
  void CompareFlags(std::size_t rule, facts::RowId first, facts::RowId end,
                    absl::FunctionRef<absl::Time(facts::RowId)> as_of, facts::Bitmap& settled) const;

  const Portfolio& portfolio_;
  ColumnScoring scoring_;
};

}  // namespace perennial::health
