#include "health-svc/value/hypergeometric.h"

#include <boost/math/quadrature/tanh_sinh.hpp>
#include <boost/math/special_functions/expm1.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/hypergeometric_pFq.hpp>
#include <cmath>
#include <exception>
#include <limits>

namespace perennial::value {
namespace {

// Near 1 the series takes tens of thousands of terms, and Euler's integral some hundred points.
constexpr double kNearOne = 0.98;

double EulerIntegral(double a, double b, double c, double z) {
  static thread_local boost::math::quadrature::tanh_sinh<double> integrator;
  const double log_beta = std::lgamma(b) + std::lgamma(c - b) - std::lgamma(c);
  // `to_end` is the distance to the nearer end, with its sign: exact where 1 - t is not.
  const auto integrand = [&](double t, double to_end) {
    const double left = to_end < 0 ? -to_end : t;
    const double right = to_end > 0 ? to_end : 1 - t;
    return std::exp((b - 1) * std::log(left) + (c - b - 1) * std::log(right) - a * std::log((1 - z) + z * right) - log_beta);
  };
  return integrator.integrate(integrand, 0.0, 1.0);
}

}  // namespace

double Hypergeometric2F1(double a, double b, double c, double z) {
  // Euler's transformation: terms that shrink faster where c < a + b.
  if (z > 0.5 && c - a > 0 && c - b > 0 && c < a + b) {
    return std::pow(1 - z, c - a - b) * Hypergeometric2F1(c - a, c - b, c, z);
  }
  try {
    if (z > kNearOne && b > 0 && c > b) return EulerIntegral(a, b, c, z);
    return boost::math::hypergeometric_pFq({a, b}, {c}, z);
  } catch (const std::exception&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace perennial::value
