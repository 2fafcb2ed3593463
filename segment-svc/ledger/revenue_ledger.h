#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/base/money.h"
#include "common/facts/fact_table.h"

namespace perennial::segments {

// What an account pays a month from a moment on (inclusive) until its next step, in the reporting currency. Kinds of
// movements follow: from nothing is new or a reactivation, to nothing is churn.
struct MrrStep {
  std::int64_t time = 0;  // microseconds since 1970
  Micros mrr = 0;         // not negative

  bool operator==(const MrrStep&) const = default;
};

// Moments in the unit of steps; what is finer is cut off, so that nothing moves over the start of a second.
inline std::int64_t StepTime(absl::Time time) { return absl::ToUnixMicros(time); }

// The MRR of every account over time, by row of the facts' table: 8 bytes an account and 16 a step. Not thread-safe.
class RevenueLedger {
 public:
  // Puts `steps`, ascending by time, in place of what the row had. None takes the row away.
  void Replace(facts::RowId row, absl::Span<const MrrStep> steps);
  // Of a row; none when it never had any. Valid until the next change.
  [[nodiscard]] absl::Span<const MrrStep> StepsOf(facts::RowId row) const {
    if (row >= runs_.size()) return {};
    return absl::MakeConstSpan(steps_).subspan(runs_[row].begin, runs_[row].count);
  }
  void Clear();
  // Puts the steps in order of rows, without gaps: what reads all of them reads memory in order.
  void Compact();

  // Steps of all rows.
  [[nodiscard]] std::size_t step_count() const { return step_count_; }
  // Steps that memory is taken for.
  [[nodiscard]] std::size_t capacity() const { return steps_.capacity(); }

 private:
  struct Run {
    std::uint32_t begin = 0;
    std::uint32_t count = 0;
  };
  std::vector<Run> runs_;  // by row
  std::vector<MrrStep> steps_;
  std::size_t step_count_ = 0;
};

}  // namespace perennial::segments
