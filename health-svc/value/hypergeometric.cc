#include "health-svc/value/hypergeometric.h"

#include <boost/math/special_functions/expm1.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/hypergeometric_pFq.hpp>
#include <cmath>
#include <exception>
#include <limits>

namespace perennial::value {

double Hypergeometric2F1(double a, double b, double c, double z) {
  // Euler's transformation: terms that shrink faster where c < a + b.
  if (z > 0.5 && c - a > 0 && c - b > 0 && c < a + b) {
    return std::pow(1 - z, c - a - b) * Hypergeometric2F1(c - a, c - b, c, z);
  }
  try {
    return boost::math::hypergeometric_pFq({a, b}, {c}, z);
  } catch (const std::exception&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace perennial::value
