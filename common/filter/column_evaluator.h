#pragma once

#include "common/facts/bitmap.h"
#include "common/facts/fact_table.h"
#include "common/filter/filter.h"
#include "common/filter/program.h"

namespace perennial::filter {

// The live rows of `table` for which a program is true. Goes through the columns in blocks of some thousand rows, so
// that what it works on stays in the processor's cache; a text is compared once for each different value of its column.
facts::Bitmap EvaluateColumns(const Program& program, const facts::FactTable& table, const EvaluationContext& context);

// The same for the rows from `first`, a multiple of 64, to before `end`; bit 0 stands for `first`.
facts::Bitmap EvaluateColumns(const Program& program, const facts::FactTable& table, const EvaluationContext& context,
                              facts::RowId first, facts::RowId end);

}  // namespace perennial::filter
