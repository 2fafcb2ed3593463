#pragma once

#include <cstddef>
#include <cstdint>

#include "common/facts/bitmap.h"
#include "common/filter/token.h"

namespace perennial::filter {

// Loops over the values of a column that say of each row whether it is selected, a bit each: bit i of out[w] is that of
// row 64 w + i. `out` has (rows + 63) / 64 words; bits past `rows` are 0. Each is compiled for several instruction sets
// and uses the best that the processor has.
using Word = std::uint64_t;

// Rows whose value is known and stands to `bound` as `comparator` says (kHas: equal).
void CompareNumbers(Comparator comparator, const double* values, const Word* known, double bound, std::size_t rows,
                    Word* out);

// Rows whose code is `code`.
void FindCode(const std::uint32_t* codes, std::uint32_t code, std::size_t rows, Word* out);
// Rows whose code is neither `code` nor 0, which stands for unknown.
void FindOtherCodes(const std::uint32_t* codes, std::uint32_t code, std::size_t rows, Word* out);
// Rows whose code is in `wanted`, which has a bit for every code that occurs.
void FindCodes(const std::uint32_t* codes, const facts::Bitmap& wanted, std::size_t rows, Word* out);

}  // namespace perennial::filter
