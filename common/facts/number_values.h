#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace perennial::facts {

// A column's numbers by row, in the narrowest form that holds all of them exactly: bytes, 16 or 32 bits, float, double.
// Most facts count something or are yes or no. A value that does not fit makes the whole column wider; none makes it
// narrower again. -0 is 0.
class NumberValues {
 public:
  [[nodiscard]] double operator[](std::size_t row) const {
    return std::visit([row](const auto& values) { return static_cast<double>(values[row]); }, values_);
  }
  [[nodiscard]] std::size_t size() const {
    return std::visit([](const auto& values) { return values.size(); }, values_);
  }
  // Bytes that a value takes now.
  [[nodiscard]] std::size_t width() const;

  // New rows are 0.
  void Resize(std::size_t size);
  // `value` is finite.
  void Set(std::size_t row, double value);

  // The values of `count` rows from `first` on: where they lie, or in `buffer`, which has room for them.
  const double* Read(std::size_t first, std::size_t count, double* buffer) const;
  // The values of `count` rows, into `out`.
  void Gather(const std::uint32_t* rows, std::size_t count, double* out) const;

 private:
  void Widen(double value);

  // From narrow to wide.
  std::variant<std::vector<std::uint8_t>, std::vector<std::int16_t>, std::vector<std::int32_t>, std::vector<float>,
               std::vector<double>>
      values_;
};

}  // namespace perennial::facts
