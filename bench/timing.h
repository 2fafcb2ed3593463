#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace perennial::bench {

using Clock = std::chrono::steady_clock;

[[noreturn]] inline void Die(const std::string& message) {
  std::cerr << message << "\n";
  std::exit(1);
}

inline double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

template <class Body>
double MillisecondsOf(Body body) {
  const auto start = Clock::now();
  body();
  return 1000 * Seconds(Clock::now() - start);
}

// Median of the ratios round by round, as both of a round ran on the same machine at nearly the same time.
inline double MedianRatio(const std::vector<double>& ours, const std::vector<double>& theirs) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / theirs[i]);
  return Median(ratios);
}

}  // namespace perennial::bench
