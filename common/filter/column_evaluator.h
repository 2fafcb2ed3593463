#pragma once

#include <cstddef>
#include <vector>

#include "common/facts/bitmap.h"
#include "common/facts/fact_table.h"
#include "common/filter/filter.h"
#include "common/filter/program.h"

namespace perennial::filter {

// For each program, the live rows of `table` for which it is true, of those from `from`, a multiple of 64, to before
// `end`; bit 0 stands for `from`. Goes through the columns in blocks of some thousand
// rows, with all programs over one block before the next, so that what they work on stays in the processor's cache; a
// text is compared once for each different value of its column, and what several programs ask is worked out once.
std::vector<facts::Bitmap> EvaluateColumns(const std::vector<const Program*>& programs, const facts::FactTable& table,
                                           const EvaluationContext& context, std::size_t from, std::size_t end);

}  // namespace perennial::filter
