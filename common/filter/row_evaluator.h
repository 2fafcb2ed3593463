#pragma once

#include "common/facts/fact_row.h"
#include "common/filter/filter.h"
#include "common/filter/program.h"

namespace perennial::filter {

// The value of a program for one row.
Truth EvaluateRow(const Program& program, const facts::RowReader& row, const EvaluationContext& context);

// What kClock's `number` days before `now` are in seconds since 1970.
inline double ClockThreshold(absl::Time now, double days) {
  return absl::ToDoubleSeconds(now - absl::UnixEpoch()) - days * 86400;
}

}  // namespace perennial::filter
