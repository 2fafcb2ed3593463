#include "health-svc/value/purchase_likelihoods.h"

#include <boost/math/special_functions/digamma.hpp>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>

namespace perennial::value {
namespace {

using boost::math::digamma;

// Gamma functions of a count of purchases: many customers share few counts, and these cost most.
struct OfCount {
  double log = 0;
  double by_r = 0;
  double by_a = 0;
  double by_b = 0;
};

OfCount GammaPart(double x, double r, double a, double b, bool slopes) {
  OfCount part{.log = std::lgamma(r + x) - std::lgamma(r) + std::lgamma(a + b) + std::lgamma(b + x) - std::lgamma(b) -
                      std::lgamma(a + b + x)};
  if (!slopes) return part;
  const double all = digamma(a + b) - digamma(a + b + x);
  part.by_r = digamma(r + x) - digamma(r);
  part.by_a = all;
  part.by_b = all + digamma(b + x) - digamma(b);
  return part;
}

}  // namespace

double BgNbdLikelihood(const std::vector<WeightedHistory>& histories, const std::vector<double>& parameters,
                       std::vector<double>* gradient) {
  const double r = parameters[0];
  const double alpha = parameters[1];
  const double a = parameters[2];
  const double b = parameters[3];
  std::map<double, OfCount> by_count;
  std::vector<double> slopes(4);
  double sum = 0;
  for (const auto& [h, count] : histories) {
    const double x = h.repeats;
    auto found = by_count.find(x);
    if (found == by_count.end()) found = by_count.emplace(x, GammaPart(x, r, a, b, gradient != nullptr)).first;
    const OfCount& part = found->second;
    const double log_end = std::log(alpha + h.age);
    const double log_last = x > 0 ? std::log(alpha + h.last) : 0;
    // Odds of having dropped out at the last purchase, to being alive.
    const double odds = x > 0 ? a / (b + x - 1) * std::exp((r + x) * (log_end - log_last)) : 0;
    sum += count * (part.log + r * std::log(alpha) - (r + x) * log_end + std::log1p(odds));
    if (gradient == nullptr) continue;
    const double dropped = std::isinf(odds) ? 1 : odds / (1 + odds);
    const double alive = 1 - dropped;
    slopes[0] += count * (part.by_r + std::log(alpha) - alive * log_end - dropped * log_last);
    slopes[1] += count * (r / alpha - (r + x) * (alive / (alpha + h.age) + dropped / (alpha + h.last)));
    slopes[2] += count * (part.by_a + dropped / a);
    slopes[3] += count * (part.by_b - (x > 0 ? dropped / (b + x - 1) : 0));
  }
  if (gradient != nullptr) *gradient = slopes;
  return sum;
}

double ParetoNbdLikelihood(const std::vector<WeightedHistory>& histories, const std::vector<double>& parameters,
                           std::vector<double>* gradient) {
  const auto at = [&](const std::vector<double>& p) {
    const ParetoNbd model{.r = p[0], .alpha = p[1], .s = p[2], .beta = p[3]};
    double sum = 0;
    for (const auto& [history, count] : histories) sum += count * model.LogLikelihood(history);
    return sum;
  };
  if (gradient != nullptr) {
    // Nobody has written these derivatives down; differences do.
    constexpr double kStep = 1e-5;
    gradient->resize(4);
    for (std::size_t i = 0; i < 4; ++i) {
      std::vector<double> above = parameters;
      std::vector<double> below = parameters;
      above[i] *= 1 + kStep;
      below[i] *= 1 - kStep;
      (*gradient)[i] = (at(above) - at(below)) / (2 * kStep * parameters[i]);
    }
  }
  return at(parameters);
}

double GammaGammaLikelihood(const std::vector<Spend>& spends, const std::vector<double>& parameters,
                            std::vector<double>* gradient) {
  const double p = parameters[0];
  const double q = parameters[1];
  const double gamma = parameters[2];
  const GammaGamma model{.p = p, .q = q, .gamma = gamma};
  std::vector<double> slopes(3);
  double sum = 0;
  for (const Spend& spend : spends) {
    sum += model.LogLikelihood(spend);
    if (gradient == nullptr) continue;
    const double x = spend.purchases;
    const double log_all = std::log(gamma + x * spend.mean);
    const double all = digamma(p * x + q);
    slopes[0] += x * (all - digamma(p * x) + std::log(x * spend.mean) - log_all);
    slopes[1] += all - digamma(q) + std::log(gamma) - log_all;
    slopes[2] += q / gamma - (p * x + q) / (gamma + x * spend.mean);
  }
  if (gradient != nullptr) *gradient = slopes;
  return sum;
}

}  // namespace perennial::value
