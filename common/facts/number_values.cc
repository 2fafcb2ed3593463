#include "common/facts/number_values.h"

#include <limits>
#include <type_traits>
#include <utility>

namespace perennial::facts {
namespace {

template <class T>
bool Fits(double value) {
  if constexpr (std::is_same_v<T, double>) {
    return true;
  } else if constexpr (std::is_same_v<T, float>) {
    return value >= std::numeric_limits<float>::lowest() && value <= std::numeric_limits<float>::max() &&
           static_cast<double>(static_cast<float>(value)) == value;
  } else {
    return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max() &&
           static_cast<double>(static_cast<T>(value)) == value;
  }
}

template <class T>
using ValueOf = typename std::decay_t<T>::value_type;

// Plain loops, which the compiler makes use of the best instructions for that the processor has.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define PERENNIAL_BEST_CPU __attribute__((target_clones("avx2", "default")))
#else
#define PERENNIAL_BEST_CPU
#endif

PERENNIAL_BEST_CPU void Unpack(const std::uint8_t* from, std::size_t count, double* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
}
PERENNIAL_BEST_CPU void Unpack(const std::int16_t* from, std::size_t count, double* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
}
PERENNIAL_BEST_CPU void Unpack(const std::int32_t* from, std::size_t count, double* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
}
PERENNIAL_BEST_CPU void Unpack(const float* from, std::size_t count, double* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
}

}  // namespace

std::size_t NumberValues::width() const {
  return std::visit([](const auto& values) { return sizeof(values[0]); }, values_);
}

void NumberValues::Resize(std::size_t size) {
  std::visit([size](auto& values) { values.resize(size); }, values_);
}

void NumberValues::Set(std::size_t row, double value) {
  const bool fits = std::visit(
      [&](auto& values) {
        using T = ValueOf<decltype(values)>;
        if (!Fits<T>(value)) return false;
        values[row] = static_cast<T>(value + 0.0);
        return true;
      },
      values_);
  if (fits) return;
  Widen(value);
  Set(row, value);
}

void NumberValues::Widen(double value) {
  const auto to = [&]<class T>(T) {
    const auto before = std::move(values_);
    std::visit([this](const auto& values) { values_ = std::vector<T>(values.begin(), values.end()); }, before);
  };
  const bool whole = !std::holds_alternative<std::vector<float>>(values_);
  const bool small = std::holds_alternative<std::vector<std::uint8_t>>(values_);
  if (small && Fits<std::int16_t>(value)) return to(std::int16_t{});
  const bool is_short = small || std::holds_alternative<std::vector<std::int16_t>>(values_);
  if (whole && is_short && Fits<std::int32_t>(value)) return to(std::int32_t{});
  if (is_short && Fits<float>(value)) return to(float{});
  to(double{});
}

const double* NumberValues::Read(std::size_t first, std::size_t count, double* buffer) const {
  return std::visit(
      [&](const auto& values) -> const double* {
        if constexpr (std::is_same_v<ValueOf<decltype(values)>, double>) {
          return values.data() + first;
        } else {
          Unpack(values.data() + first, count, buffer);
          return buffer;
        }
      },
      values_);
}

void NumberValues::Gather(const std::uint32_t* rows, std::size_t count, double* out) const {
  std::visit(
      [&](const auto& values) {
        for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(values[rows[i]]);
      },
      values_);
}

}  // namespace perennial::facts
