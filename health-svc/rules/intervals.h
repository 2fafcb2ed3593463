#pragma once

#include <cstdint>

namespace perennial::health {

// A figure with its confidence interval.
struct Interval {
  double value = 0;
  double low = 0;
  double high = 0;
};

// The quantile of the standard normal distribution that leaves (1 - confidence) / 2 on each side: 1.96 for 0.95.
// `confidence` lies between 0 and 1.
double NormalQuantile(double confidence);

// The share `hits` / `trials` with Wilson's score interval (Wilson 1927; method 3 of Newcombe 1998), without continuity
// correction. `trials` is greater than 0, `hits` from 0 to `trials`.
Interval WilsonInterval(std::int64_t hits, std::int64_t trials, double confidence);

// `value` with the interval of a normal estimator with that variance, cut to 0 to 1.
Interval NormalShareInterval(double value, double variance, double confidence);

}  // namespace perennial::health
