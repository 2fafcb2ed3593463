#include "health-svc/value/purchase_likelihoods.h"

#include <Eigen/Core>
#include <algorithm>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
#include <cmath>
#include <cstddef>

namespace perennial::value {
namespace {

using boost::math::digamma;
using boost::math::trigamma;

// ln G(z + x) - ln G(z) with its derivatives by z, for one count x after the other: from one to the next greater it is a
// product of few numbers, which beats gamma functions by far.
class GammaRatio {
 public:
  explicit GammaRatio(double z) : z_(z) {}

  void MoveTo(double x) {
    constexpr double kMostFactors = 64;
    const double gap = x - x_;
    if (gap == 0) return;
    if (gap < 0 || gap > kMostFactors || gap != std::floor(gap)) {
      log_ = std::lgamma(z_ + x) - std::lgamma(z_);
      slope_ = digamma(z_ + x) - digamma(z_);
      curve_ = trigamma(z_ + x) - trigamma(z_);
    } else {
      for (double k = 0; k < gap; ++k) {
        const double factor = z_ + x_ + k;
        log_ += std::log(factor);
        slope_ += 1 / factor;
        curve_ -= 1 / (factor * factor);
      }
    }
    x_ = x;
  }
  [[nodiscard]] double log() const { return log_; }
  [[nodiscard]] double slope() const { return slope_; }
  [[nodiscard]] double curve() const { return curve_; }

 private:
  const double z_;
  double x_ = 0;
  double log_ = 0;
  double slope_ = 0;
  double curve_ = 0;
};

// Sums of what customers add, by r and alpha, and by a and b, which meet in those who may have dropped out.
struct BgNbdSums {
  Eigen::Vector4d gradient = Eigen::Vector4d::Zero();
  Eigen::Matrix4d hessian = Eigen::Matrix4d::Zero();  // its upper half

  // Customers of `x` repeats: what depends on that alone.
  void AddCount(double count, const GammaRatio& by_r, const GammaRatio& by_b, const GammaRatio& by_ab) {
    gradient += count * Eigen::Vector4d(by_r.slope(), 0, -by_ab.slope(), by_b.slope() - by_ab.slope());
    hessian(0, 0) += count * by_r.curve();
    hessian(2, 2) -= count * by_ab.curve();
    hessian(2, 3) -= count * by_ab.curve();
    hessian(3, 3) += count * (by_b.curve() - by_ab.curve());
  }
  // Having dropped out at the last purchase: by a, and by b + x - 1.
  void AddDropped(double share, double a, double b_and_repeats) {
    gradient[2] += share / a;
    gradient[3] -= share / b_and_repeats;
    hessian(2, 2) -= share / (a * a);
    hessian(3, 3) += share / (b_and_repeats * b_and_repeats);
  }
  // Not having bought since `time` (alpha + the last purchase, or alpha + the end), with weight `share`; `exponent` is
  // r + x.
  void AddWaiting(double share, double exponent, double time, double log_time) {
    gradient[0] -= share * log_time;
    gradient[1] -= share * exponent / time;
    hessian(0, 1) -= share / time;
    hessian(1, 1) += share * exponent / (time * time);
  }
  // The logarithm of a sum of two chances curves more than they do: by how far their slopes are apart.
  void AddSpread(double weight, const Eigen::Vector4d& apart) {
    for (int row = 0; row < 4; ++row) {
      for (int column = row; column < 4; ++column) hessian(row, column) += weight * apart[row] * apart[column];
    }
  }
};

}  // namespace

BgNbdSample::BgNbdSample(const std::vector<WeightedHistory>& histories) {
  for (const auto& [h, count] : histories) {
    times_.push_back(h.last);
    times_.push_back(h.age);
  }
  std::sort(times_.begin(), times_.end());
  times_.erase(std::unique(times_.begin(), times_.end()), times_.end());
  const auto place = [&](double time) {
    return static_cast<std::uint32_t>(std::lower_bound(times_.begin(), times_.end(), time) - times_.begin());
  };
  rows_.reserve(histories.size());
  for (const auto& [h, count] : histories) rows_.push_back({h.repeats, count, place(h.last), place(h.age)});
}

double BgNbdLikelihood(const std::vector<WeightedHistory>& histories, const std::vector<double>& parameters,
                       Derivatives* derivatives) {
  return BgNbdSample(histories).LogLikelihood(parameters, derivatives);
}

double BgNbdSample::LogLikelihood(const std::vector<double>& parameters, Derivatives* derivatives) const {
  const double r = parameters[0];
  const double alpha = parameters[1];
  const double a = parameters[2];
  const double b = parameters[3];
  const double log_alpha = std::log(alpha);
  GammaRatio by_r(r);
  GammaRatio by_b(b);
  GammaRatio by_ab(a + b);
  BgNbdSums sums;
  double sum = 0;
  double customers = 0;
  double x = -1;
  double log_drop = 0;  // ln of the chance to drop out at a purchase, to that of not
  std::vector<double> logs;
  logs.reserve(times_.size());
  for (const double time : times_) logs.push_back(std::log(alpha + time));
  for (const auto& [repeats, count, last_at, age_at] : rows_) {
    if (repeats != x) {
      x = repeats;
      by_r.MoveTo(x);
      by_b.MoveTo(x);
      by_ab.MoveTo(x);
      log_drop = x > 0 ? std::log(a / (b + x - 1)) : 0;
    }
    customers += count;
    const double end = alpha + times_[age_at];
    const double log_end = logs[age_at];
    sum += count * (by_r.log() + by_b.log() - by_ab.log() - (r + x) * log_end);
    if (derivatives != nullptr) sums.AddCount(count, by_r, by_b, by_ab);
    if (x == 0) {
      if (derivatives != nullptr) sums.AddWaiting(count, r, end, log_end);
      continue;
    }
    const double last = alpha + times_[last_at];
    const double log_last = logs[last_at];
    // Of having dropped out at the last purchase, to being alive.
    const double log_odds = log_drop + (r + x) * (log_end - log_last);
    const double small = std::exp(-std::abs(log_odds));
    sum += count * (std::max(log_odds, 0.0) + std::log1p(small));
    if (derivatives == nullptr) continue;
    const double dropped = (log_odds > 0 ? 1 : small) / (1 + small);
    const double alive = (log_odds > 0 ? small : 1) / (1 + small);
    const double drop_b = b + x - 1;
    sums.AddWaiting(count * alive, r + x, end, log_end);
    sums.AddWaiting(count * dropped, r + x, last, log_last);
    sums.AddDropped(count * dropped, a, drop_b);
    sums.AddSpread(count * alive * dropped,
                   {log_end - log_last, (r + x) * (1 / end - 1 / last), 1 / a, -1 / drop_b});
  }
  if (derivatives != nullptr) {
    sums.gradient[0] += customers * log_alpha;
    sums.gradient[1] += customers * r / alpha;
    sums.hessian(0, 1) += customers / alpha;
    sums.hessian(1, 1) -= customers * r / (alpha * alpha);
    derivatives->gradient.assign(sums.gradient.data(), sums.gradient.data() + 4);
    derivatives->hessian = sums.hessian.selfadjointView<Eigen::Upper>();
  }
  return sum + customers * r * log_alpha;
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
