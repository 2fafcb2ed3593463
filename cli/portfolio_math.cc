#include "cli/portfolio_math.h"

#include <algorithm>
#include <cmath>

namespace perennial::cli {
namespace {

std::uint64_t SplitMix(std::uint64_t* state) {
  *state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t RotateLeft(std::uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

}  // namespace

Random::Random(std::uint64_t seed, std::uint64_t stream) {
  std::uint64_t mixed_seed = seed;
  std::uint64_t mixed = SplitMix(&mixed_seed) ^ (stream * 0xd1342543de82ef95ULL);
  for (std::uint64_t& word : state_) word = SplitMix(&mixed);
}

std::uint64_t Random::Next() {
  const std::uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = RotateLeft(state_[3], 45);
  return result;
}

double Random::Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

int Random::Below(int count) { return static_cast<int>(Uniform() * count); }

double Random::Normal() {
  // Twelve uniforms have variance 1; their sum is normal enough here and needs no logarithm.
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += Uniform();
  return sum;
}

int Random::Poisson(double mean) {
  if (mean > 30) return std::max(0, static_cast<int>(std::floor(mean + std::sqrt(mean) * Normal() + 0.5)));
  const double limit = Exp(-mean);
  int count = 0;
  for (double product = Uniform(); product > limit; product *= Uniform()) ++count;
  return count;
}

double Exp(double x) {
  constexpr double kLn2 = 0.693147180559945309417232;
  x = std::clamp(x, -40.0, 40.0);
  const double power = std::floor(x / kLn2 + 0.5);
  const double rest = x - power * kLn2;
  // Taylor's series in Horner's form: |rest| < 0.35, so the 14th term is below the last bit.
  double sum = 1;
  for (int i = 14; i >= 1; --i) sum = 1 + sum * rest / i;
  return std::ldexp(sum, static_cast<int>(power));
}

double Logistic(double x) { return 1 / (1 + Exp(-x)); }

}  // namespace perennial::cli
