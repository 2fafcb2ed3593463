#pragma once

#include <array>
#include <cstdint>

namespace perennial::cli {

// Random numbers that are the same on every machine: xoshiro256** and distributions of our own, made of operations that
// IEEE 754 defines to the last bit. (The standard library's distributions and libm's exp differ between machines.)
class Random {
 public:
  // Streams of one seed are independent of each other: an account draws the same numbers whatever others do.
  Random(std::uint64_t seed, std::uint64_t stream);

  std::uint64_t Next();
  // At least 0, below 1.
  double Uniform();
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  // 0 to `count` - 1; `count` is positive.
  int Below(int count);
  // `low` to `high`, both included.
  int Between(int low, int high) { return low + Below(high - low + 1); }
  bool Chance(double probability) { return Uniform() < probability; }
  // Mean 0, standard deviation 1; never beyond 6.
  double Normal();
  // `mean` is not negative.
  int Poisson(double mean);
  // Index of one of `weights`, which add up to 1.
  template <std::size_t n>
  int Choose(const std::array<double, n>& weights) {
    double rest = Uniform();
    for (std::size_t i = 0; i + 1 < n; ++i) {
      if (rest < weights[i]) return static_cast<int>(i);
      rest -= weights[i];
    }
    return static_cast<int>(n) - 1;
  }

 private:
  std::array<std::uint64_t, 4> state_;
};

// e to the power of x, the same on every machine; x is cut to -40 to 40.
double Exp(double x);
// 1 / (1 + e^-x).
double Logistic(double x);

}  // namespace perennial::cli
