#include "health-svc/value/purchases.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>

#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "health-svc/value/hypergeometric.h"
#include "health-svc/value/purchase_likelihoods.h"

namespace perennial::value {
namespace {

double LogSum(double a, double b) {
  const double most = std::max(a, b);
  return most + std::log(std::exp(a - most) + std::exp(b - most));
}

// ln of (a / (b + x - 1)) ((alpha + T) / (alpha + t_x))^(r + x): odds of having dropped out at the last purchase.
double LogDropOdds(const BgNbd& model, const PurchaseHistory& h) {
  return std::log(model.a / (model.b + h.repeats - 1)) +
         (model.r + h.repeats) * std::log((model.alpha + h.age) / (model.alpha + h.last));
}

// ln of the integral A0 of the Pareto/NBD likelihood; both terms share the argument's sign.
double LogA0(const ParetoNbd& model, const PurchaseHistory& h) {
  const double sum = model.r + model.s + h.repeats;
  const bool buys_later = model.alpha >= model.beta;
  const double large = buys_later ? model.alpha : model.beta;
  const double gap = std::abs(model.alpha - model.beta);
  const double second = buys_later ? model.s + 1 : model.r + h.repeats;
  const auto term = [&](double time) {
    return std::log(Hypergeometric2F1(sum, second, sum + 1, gap / (large + time))) - sum * std::log(large + time);
  };
  const double at_last = term(h.last);
  const double at_end = term(h.age);
  return at_last + std::log(-std::expm1(std::min(0.0, at_end - at_last)));
}

absl::Status TooLittle(const char* what) {
  return WithReason(absl::FailedPreconditionError(what), "TOO_LITTLE_HISTORY");
}

absl::Status CheckHistories(const std::vector<PurchaseHistory>& histories) {
  double repeats = 0;
  for (const PurchaseHistory& h : histories) {
    const bool sane = h.repeats >= 0 && h.last >= 0 && h.age >= h.last && std::isfinite(h.age) &&
                      std::isfinite(h.repeats) && (h.repeats > 0) == (h.last > 0);
    if (!sane) return absl::InvalidArgumentError("a purchase history contradicts itself");
    repeats += h.repeats;
  }
  if (histories.size() < 10) return TooLittle("fewer than 10 customers have bought");
  if (repeats == 0) return TooLittle("nobody has bought a second time");
  return absl::OkStatus();
}

// In order of their repeats.
std::vector<WeightedHistory> Distinct(std::vector<PurchaseHistory> histories) {
  const auto key = [](const PurchaseHistory& h) { return std::tie(h.repeats, h.last, h.age); };
  std::sort(histories.begin(), histories.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  std::vector<WeightedHistory> distinct;
  for (const PurchaseHistory& h : histories) {
    if (distinct.empty() || key(distinct.back().history) != key(h)) distinct.push_back({h, 0});
    distinct.back().count += 1;
  }
  return distinct;
}

// A scale for times and values, so that the search starts at numbers near 1 whatever the unit.
double MeanAge(const std::vector<PurchaseHistory>& histories) {
  double sum = 0;
  for (const PurchaseHistory& h : histories) sum += h.age;
  return std::max(sum / static_cast<double>(histories.size()), 1e-12);
}

}  // namespace

double BgNbd::LogLikelihood(const PurchaseHistory& h) const {
  const double x = h.repeats;
  const double stays = -(r + x) * std::log(alpha + h.age);
  const double drops = std::log(a / (b + x - 1)) - (r + x) * std::log(alpha + h.last);
  return std::lgamma(r + x) - std::lgamma(r) + r * std::log(alpha) + std::lgamma(a + b) + std::lgamma(b + x) -
         std::lgamma(b) - std::lgamma(a + b + x) + (x > 0 ? LogSum(stays, drops) : stays);
}

double BgNbd::ProbabilityAlive(const PurchaseHistory& h) const {
  return h.repeats > 0 ? 1 / (1 + std::exp(LogDropOdds(*this, h))) : 1;
}

double BgNbd::ExpectedPurchases(double t) const { return ExpectedPurchases(PurchaseHistory{}, t); }

double BgNbd::ExpectedPurchases(const PurchaseHistory& h, double t) const {
  // The formula has a removable pole at a = 1.
  const double drop = std::abs(a - 1) < 1e-7 ? 1 + 1e-7 : a;
  const double x = h.repeats;
  const double end = alpha + h.age;
  // Nothing can be told of a horizon ten thousand times as long as all that is known.
  const double kept = std::max(end / (end + t), 1e-4);
  const double c = drop + b + x - 1;
  double hyper = std::exp((r + x) * std::log(kept)) * Hypergeometric2F1(r + x, b + x, c, 1 - kept);
  if (!std::isfinite(hyper)) {
    // After Euler's transformation: no power of x is left that would be beyond numbers for those who bought very often.
    hyper = std::exp((drop - 1) * std::log(kept)) * Hypergeometric2F1(drop + b - 1 - r, drop - 1, c, 1 - kept);
  }
  if (!std::isfinite(hyper)) hyper = drop > 1 ? 0 : 1;  // beyond numbers either way: its limit
  return c / (drop - 1) * (1 - hyper) * ProbabilityAlive(h);
}

double ParetoNbd::LogLikelihood(const PurchaseHistory& h) const {
  const double x = h.repeats;
  const double alive = -(r + x) * std::log(alpha + h.age) - s * std::log(beta + h.age);
  const double dead = std::log(s / (r + s + x)) + LogA0(*this, h);
  return std::lgamma(r + x) - std::lgamma(r) + r * std::log(alpha) + s * std::log(beta) + LogSum(alive, dead);
}

double ParetoNbd::ProbabilityAlive(const PurchaseHistory& h) const {
  if (h.age == h.last) return 1;
  const double odds = std::log(s / (r + s + h.repeats)) + (r + h.repeats) * std::log(alpha + h.age) +
                      s * std::log(beta + h.age) + LogA0(*this, h);
  return 1 / (1 + std::exp(odds));
}

double ParetoNbd::ExpectedPurchases(double t) const { return ExpectedPurchases(PurchaseHistory{}, t); }

double ParetoNbd::ExpectedPurchases(const PurchaseHistory& h, double t) const {
  const double end = beta + h.age;
  // The integral of the survival (end / (end + u))^s over u in (0, t], also at s = 1.
  const double log_ratio = std::log((end + t) / end);
  const double lifetime = std::abs(s - 1) < 1e-9 ? end * log_ratio : end * -std::expm1((1 - s) * log_ratio) / (s - 1);
  return ProbabilityAlive(h) * (r + h.repeats) / (alpha + h.age) * lifetime;
}

double GammaGamma::LogLikelihood(const Spend& spend) const {
  const double px = p * spend.purchases;
  return std::lgamma(px + q) - std::lgamma(px) - std::lgamma(q) + q * std::log(gamma) +
         (px - 1) * std::log(spend.mean) + px * std::log(spend.purchases) -
         (px + q) * std::log(gamma + spend.purchases * spend.mean);
}

double GammaGamma::ExpectedMean(const Spend& spend) const {
  const double shape = p * spend.purchases + q - 1;
  if (shape <= 0) return INFINITY;
  return p * (gamma + spend.purchases * spend.mean) / shape;
}

absl::StatusOr<PurchaseFit<BgNbd>> FitBgNbd(const std::vector<PurchaseHistory>& histories, const FitLimits& limits) {
  PERENNIAL_RETURN_IF_ERROR(CheckHistories(histories));
  const BgNbdSample sample(Distinct(histories));
  PERENNIAL_ASSIGN_OR_RETURN(
      Fit fit, MaximizeByNewton([&](const auto& parameters,
                                    auto* derivatives) { return sample.LogLikelihood(parameters, derivatives); },
                                {0.5, MeanAge(histories) / 4, 1, 2}, limits));
  const auto& at = fit.parameters;
  const BgNbd model{.r = at[0], .alpha = at[1], .a = at[2], .b = at[3]};
  return PurchaseFit<BgNbd>{model, std::move(fit)};
}

absl::StatusOr<PurchaseFit<ParetoNbd>> FitParetoNbd(const std::vector<PurchaseHistory>& histories,
                                                    const FitLimits& limits) {
  PERENNIAL_RETURN_IF_ERROR(CheckHistories(histories));
  const std::vector<WeightedHistory> distinct = Distinct(histories);
  const double age = MeanAge(histories);
  PERENNIAL_ASSIGN_OR_RETURN(
      Fit fit, Maximize([&](const auto& parameters,
                            auto* gradient) { return ParetoNbdLikelihood(distinct, parameters, gradient); },
                        {0.5, age / 3, 0.5, age / 3}, limits));
  const auto& at = fit.parameters;
  const ParetoNbd model{.r = at[0], .alpha = at[1], .s = at[2], .beta = at[3]};
  return PurchaseFit<ParetoNbd>{model, std::move(fit)};
}

absl::StatusOr<PurchaseFit<GammaGamma>> FitGammaGamma(const std::vector<Spend>& spends, const FitLimits& limits) {
  std::vector<Spend> buyers;
  double sum = 0;
  bool differ = false;
  for (const Spend& spend : spends) {
    if (spend.purchases == 0) continue;
    if (!(spend.purchases > 0) || !(spend.mean > 0) || !std::isfinite(spend.mean)) {
      return absl::InvalidArgumentError("the value of a purchase must be above 0");
    }
    differ = differ || (!buyers.empty() && spend.mean != buyers.front().mean);
    buyers.push_back(spend);
    sum += spend.mean;
  }
  if (buyers.size() < 10) return TooLittle("fewer than 10 customers have bought again");
  if (!differ) return TooLittle("all customers spend the same: there is nothing to be fitted");
  PERENNIAL_ASSIGN_OR_RETURN(
      Fit fit, Maximize([&](const auto& parameters,
                            auto* gradient) { return GammaGammaLikelihood(buyers, parameters, gradient); },
                        {2, 3, sum / static_cast<double>(buyers.size())}, limits));
  const auto& at = fit.parameters;
  const GammaGamma model{.p = at[0], .q = at[1], .gamma = at[2]};
  return PurchaseFit<GammaGamma>{model, std::move(fit)};
}

template <class Model>
double DiscountedPurchases(const Model& model, const PurchaseHistory& history, double horizon, double rate, int steps) {
  double value = 0;
  double before = 0;
  const double step = horizon / steps;
  for (int i = 1; i <= steps; ++i) {
    const double until = model.ExpectedPurchases(history, step * i);
    value += (until - before) * std::exp(-std::log1p(rate) * step * (i - 0.5));
    before = until;
  }
  return value;
}

template double DiscountedPurchases<BgNbd>(const BgNbd&, const PurchaseHistory&, double, double, int);
template double DiscountedPurchases<ParetoNbd>(const ParetoNbd&, const PurchaseHistory&, double, double, int);

}  // namespace perennial::value
