#include "health-svc/rules/intervals.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

namespace perennial::health {

double NormalQuantile(double confidence) {
  return boost::math::quantile(boost::math::normal_distribution<double>(), 0.5 + confidence / 2);
}

Interval WilsonInterval(std::int64_t hits, std::int64_t trials, double confidence) {
  const double z = NormalQuantile(confidence);
  const auto n = static_cast<double>(trials);
  const double share = static_cast<double>(hits) / n;
  const double centre = share + z * z / (2 * n);
  const double reach = z * std::sqrt((share * (1 - share) + z * z / (4 * n)) / n);
  const double scale = 1 + z * z / n;
  // Rounding must not put the share outside.
  return {.value = share,
          .low = hits == 0 ? 0 : std::clamp((centre - reach) / scale, 0.0, share),
          .high = hits == trials ? 1 : std::clamp((centre + reach) / scale, share, 1.0)};
}

Interval NormalShareInterval(double value, double variance, double confidence) {
  const double reach = NormalQuantile(confidence) * std::sqrt(std::max(0.0, variance));
  return {.value = value, .low = std::max(0.0, value - reach), .high = std::min(1.0, value + reach)};
}

}  // namespace perennial::health
