#include "common/filter/block_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace perennial::filter {
namespace {

constexpr std::size_t kRowsPerWord = 64;

// What a kernel asks of a value. Values and bounds are finite.
enum class Test : unsigned char { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

template <Test kTest, class Value>
constexpr bool Holds(Value value, Value bound) {
  switch (kTest) {
    case Test::kEqual: return value == bound;
    case Test::kNotEqual: return value != bound;
    case Test::kLess: return value < bound;
    case Test::kLessEqual: return value <= bound;
    case Test::kGreater: return value > bound;
    case Test::kGreaterEqual: return value >= bound;
  }
}

// The tests of up to 64 values: of a column's end, and of processors that no kernel below is for.
template <Test kTest, class Value>
Word TestWord(const Value* values, Value bound, std::size_t rows) {
  Word word = 0;
  for (std::size_t i = 0; i < rows; ++i) word |= Word{Holds<kTest>(values[i], bound)} << i;
  return word;
}

using NumbersKernel = void (*)(const double* values, const Word* known, double bound, std::size_t words, Word* out);
using CodesKernel = void (*)(const std::uint32_t* codes, std::uint32_t bound, std::size_t words, Word* out);

template <Test kTest>
[[maybe_unused]] void NumbersPlain(const double* values, const Word* known, double bound, std::size_t words,
                                   Word* out) {
  for (std::size_t w = 0; w < words; ++w) out[w] = TestWord<kTest>(values + w * 64, bound, kRowsPerWord) & known[w];
}

template <Test kTest>
[[maybe_unused]] void CodesPlain(const std::uint32_t* codes, std::uint32_t bound, std::size_t words, Word* out) {
  for (std::size_t w = 0; w < words; ++w) out[w] = TestWord<kTest>(codes + w * 64, bound, kRowsPerWord);
}

#if defined(__x86_64__)

constexpr int PredicateOf(Test test) {
  switch (test) {
    case Test::kEqual: return _CMP_EQ_OQ;
    case Test::kNotEqual: return _CMP_NEQ_UQ;
    case Test::kLess: return _CMP_LT_OQ;
    case Test::kLessEqual: return _CMP_LE_OQ;
    case Test::kGreater: return _CMP_GT_OQ;
    case Test::kGreaterEqual: return _CMP_GE_OQ;
  }
  return _CMP_FALSE_OQ;
}

// How far ahead of a loop memory is asked for, in bytes: the processor's own prefetching ends with a page.
constexpr std::ptrdiff_t kAhead = 4096;

template <class Value>
void Prefetch(const Value* values) {
  _mm_prefetch(reinterpret_cast<const char*>(values) + kAhead, _MM_HINT_T0);
}

template <Test kTest>
__m128d CompareTwo(__m128d values, __m128d bound) {
  switch (kTest) {
    case Test::kEqual: return _mm_cmpeq_pd(values, bound);
    case Test::kNotEqual: return _mm_cmpneq_pd(values, bound);
    case Test::kLess: return _mm_cmplt_pd(values, bound);
    case Test::kLessEqual: return _mm_cmple_pd(values, bound);
    case Test::kGreater: return _mm_cmpgt_pd(values, bound);
    case Test::kGreaterEqual: return _mm_cmpge_pd(values, bound);
  }
}

template <Test kTest>
void NumbersSse2(const double* values, const Word* known, double bound, std::size_t words, Word* out) {
  const __m128d bounds = _mm_set1_pd(bound);
  for (std::size_t w = 0; w < words; ++w, values += kRowsPerWord) {
    Word word = 0;
    for (std::size_t line = 0; line < kRowsPerWord; line += 8) Prefetch(values + line);
    for (std::size_t i = 0; i < kRowsPerWord; i += 2) {
      word |= static_cast<Word>(_mm_movemask_pd(CompareTwo<kTest>(_mm_loadu_pd(values + i), bounds))) << i;
    }
    out[w] = word & known[w];
  }
}

template <Test kTest>
__attribute__((target("avx2"))) void NumbersAvx2(const double* values, const Word* known, double bound,
                                                 std::size_t words, Word* out) {
  const __m256d bounds = _mm256_set1_pd(bound);
  for (std::size_t w = 0; w < words; ++w, values += kRowsPerWord) {
    Word word = 0;
    for (std::size_t line = 0; line < kRowsPerWord; line += 8) Prefetch(values + line);
    for (std::size_t i = 0; i < kRowsPerWord; i += 4) {
      const __m256d holds = _mm256_cmp_pd(_mm256_loadu_pd(values + i), bounds, PredicateOf(kTest));
      word |= static_cast<Word>(_mm256_movemask_pd(holds)) << i;
    }
    out[w] = word & known[w];
  }
}

template <Test kTest>
__attribute__((target("avx512f"))) void NumbersAvx512(const double* values, const Word* known, double bound,
                                                      std::size_t words, Word* out) {
  const __m512d bounds = _mm512_set1_pd(bound);
  for (std::size_t w = 0; w < words; ++w, values += kRowsPerWord) {
    Word word = 0;
    for (std::size_t i = 0; i < kRowsPerWord; i += 8) {
      Prefetch(values + i);
      word |= static_cast<Word>(_mm512_cmp_pd_mask(_mm512_loadu_pd(values + i), bounds, PredicateOf(kTest))) << i;
    }
    out[w] = word & known[w];
  }
}

// Of codes only equality is asked.
template <Test kTest>
void CodesSse2(const std::uint32_t* codes, std::uint32_t bound, std::size_t words, Word* out) {
  static_assert(kTest == Test::kEqual || kTest == Test::kNotEqual);
  const __m128i bounds = _mm_set1_epi32(static_cast<int>(bound));
  for (std::size_t w = 0; w < words; ++w, codes += kRowsPerWord) {
    Word word = 0;
    for (std::size_t line = 0; line < kRowsPerWord; line += 16) Prefetch(codes + line);
    for (std::size_t i = 0; i < kRowsPerWord; i += 4) {
      const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i));
      word |= static_cast<Word>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(four, bounds)))) << i;
    }
    out[w] = kTest == Test::kEqual ? word : ~word;
  }
}

template <Test kTest>
__attribute__((target("avx2"))) void CodesAvx2(const std::uint32_t* codes, std::uint32_t bound, std::size_t words,
                                               Word* out) {
  const __m256i bounds = _mm256_set1_epi32(static_cast<int>(bound));
  for (std::size_t w = 0; w < words; ++w, codes += kRowsPerWord) {
    Word word = 0;
    for (std::size_t line = 0; line < kRowsPerWord; line += 16) Prefetch(codes + line);
    for (std::size_t i = 0; i < kRowsPerWord; i += 8) {
      const __m256i eight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + i));
      word |= static_cast<Word>(static_cast<unsigned>(
                  _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(eight, bounds)))))
              << i;
    }
    out[w] = kTest == Test::kEqual ? word : ~word;
  }
}

template <Test kTest>
__attribute__((target("avx512f"))) void CodesAvx512(const std::uint32_t* codes, std::uint32_t bound, std::size_t words,
                                                    Word* out) {
  const __m512i bounds = _mm512_set1_epi32(static_cast<int>(bound));
  for (std::size_t w = 0; w < words; ++w, codes += kRowsPerWord) {
    Word word = 0;
    for (std::size_t i = 0; i < kRowsPerWord; i += 16) {
      Prefetch(codes + i);
      word |= static_cast<Word>(_mm512_cmpeq_epi32_mask(_mm512_loadu_si512(codes + i), bounds)) << i;
    }
    out[w] = kTest == Test::kEqual ? word : ~word;
  }
}

template <Test kTest>
NumbersKernel BestNumbers() {
  if (__builtin_cpu_supports("avx512f")) return NumbersAvx512<kTest>;
  if (__builtin_cpu_supports("avx2")) return NumbersAvx2<kTest>;
  return NumbersSse2<kTest>;
}

template <Test kTest>
CodesKernel BestCodes() {
  if (__builtin_cpu_supports("avx512f")) return CodesAvx512<kTest>;
  if (__builtin_cpu_supports("avx2")) return CodesAvx2<kTest>;
  return CodesSse2<kTest>;
}

#else

template <Test kTest>
NumbersKernel BestNumbers() {
  return NumbersPlain<kTest>;
}

template <Test kTest>
CodesKernel BestCodes() {
  return CodesPlain<kTest>;
}

#endif

template <Test kTest>
void RunNumbers(const double* values, const Word* known, double bound, std::size_t rows, Word* out) {
  static const NumbersKernel kernel = BestNumbers<kTest>();
  const std::size_t whole = rows / kRowsPerWord;
  kernel(values, known, bound, whole, out);
  if (rows % kRowsPerWord == 0) return;
  out[whole] = TestWord<kTest>(values + whole * kRowsPerWord, bound, rows % kRowsPerWord) & known[whole];
}

template <Test kTest>
void RunCodes(const std::uint32_t* codes, std::uint32_t bound, std::size_t rows, Word* out) {
  static const CodesKernel kernel = BestCodes<kTest>();
  const std::size_t whole = rows / kRowsPerWord;
  kernel(codes, bound, whole, out);
  if (rows % kRowsPerWord == 0) return;
  out[whole] = TestWord<kTest>(codes + whole * kRowsPerWord, bound, rows % kRowsPerWord);
}

}  // namespace

void CompareNumbers(Comparator comparator, const double* values, const Word* known, double bound, std::size_t rows,
                    Word* out) {
  switch (comparator) {
    case Comparator::kNotEqual: return RunNumbers<Test::kNotEqual>(values, known, bound, rows, out);
    case Comparator::kLess: return RunNumbers<Test::kLess>(values, known, bound, rows, out);
    case Comparator::kLessEqual: return RunNumbers<Test::kLessEqual>(values, known, bound, rows, out);
    case Comparator::kGreater: return RunNumbers<Test::kGreater>(values, known, bound, rows, out);
    case Comparator::kGreaterEqual: return RunNumbers<Test::kGreaterEqual>(values, known, bound, rows, out);
    default: return RunNumbers<Test::kEqual>(values, known, bound, rows, out);
  }
}

void FindCode(const std::uint32_t* codes, std::uint32_t code, std::size_t rows, Word* out) {
  RunCodes<Test::kEqual>(codes, code, rows, out);
}

void FindOtherCodes(const std::uint32_t* codes, std::uint32_t code, std::size_t rows, Word* out) {
  RunCodes<Test::kNotEqual>(codes, 0, rows, out);
  if (code == 0) return;
  // A few words at a time, which need no memory of their own.
  constexpr std::size_t kWords = 16;
  Word unwanted[kWords];
  for (std::size_t first = 0; first < rows; first += kWords * kRowsPerWord) {
    const std::size_t some = rows - first < kWords * kRowsPerWord ? rows - first : kWords * kRowsPerWord;
    RunCodes<Test::kEqual>(codes + first, code, some, unwanted);
    for (std::size_t w = 0; w < (some + 63) / 64; ++w) out[first / kRowsPerWord + w] &= ~unwanted[w];
  }
}

void FindCodes(const std::uint32_t* codes, const facts::Bitmap& wanted, std::size_t rows, Word* out) {
  const Word* const bits = wanted.words().data();
  for (std::size_t w = 0; w * kRowsPerWord < rows; ++w, codes += kRowsPerWord) {
    const std::size_t end = rows - w * kRowsPerWord < kRowsPerWord ? rows - w * kRowsPerWord : kRowsPerWord;
    Word word = 0;
    for (std::size_t i = 0; i < end; ++i) word |= (bits[codes[i] / 64] >> (codes[i] % 64) & 1U) << i;
    out[w] = word;
  }
}

}  // namespace perennial::filter
