#include "health-svc/value/retention.h"

#include <algorithm>
#include <boost/math/special_functions/digamma.hpp>
#include <cmath>
#include <cstddef>

#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "health-svc/value/hypergeometric.h"

namespace perennial::value {
namespace {

using boost::math::digamma;

// ln B(alpha, beta + grown) - ln B(alpha, beta), and its derivatives.
struct LogSurvival {
  double value = 0;
  double by_alpha = 0;
  double by_beta = 0;
  double by_c = 0;
};

// Beyond it the gamma functions differ by less than they are exact to, and their asymptotic ratio holds.
constexpr double kFar = 1e7;
// A search may try a c that makes t^c overflow.
constexpr double kFarthest = 1e300;

double Grown(double t, double c) { return std::min(std::pow(t, c), kFarthest); }

double LogSurvivalAt(double alpha, double beta, double grown) {
  if (grown > kFar && grown > 1e4 * alpha) {
    // ln G(z) - ln G(z + alpha) = -alpha ln(z + (alpha - 1) / 2), up to a share of (alpha / z)^2.
    return std::lgamma(alpha + beta) - std::lgamma(beta) - alpha * std::log(beta + grown + (alpha - 1) / 2);
  }
  return std::lgamma(beta + grown) - std::lgamma(alpha + beta + grown) - std::lgamma(beta) + std::lgamma(alpha + beta);
}

LogSurvival LogSurvivalWithSlopes(double alpha, double beta, double c, double t) {
  const double grown = Grown(t, c);
  const double all = digamma(alpha + beta + grown);
  const double start = digamma(alpha + beta);
  const double by_grown = digamma(beta + grown) - all;
  return {.value = LogSurvivalAt(alpha, beta, grown),
          .by_alpha = start - all,
          .by_beta = by_grown - digamma(beta) + start,
          .by_c = t > 0 ? by_grown * grown * std::log(t) : 0};
}

// The chance of each renewal is a ratio of survivals, which for c = 1 needs no gamma function:
// S(t) / S(t - 1) = (beta + t - 1) / (alpha + beta + t - 1).
double ShiftedBetaGeometric(const Renewals& renewals, const std::vector<double>& parameters,
                            Derivatives* derivatives) {
  const double alpha = parameters[0];
  const double beta = parameters[1];
  double sum = 0;
  double by_alpha = 0;
  double by_beta = 0;
  Eigen::Matrix2d hessian = Eigen::Matrix2d::Zero();
  for (std::size_t t = 0; t < renewals.periods.size(); ++t) {
    const auto& [at_risk, lost] = renewals.periods[t];
    if (at_risk == 0) continue;
    const double kept = at_risk - lost;
    const double numerator = beta + static_cast<double>(t);
    const double denominator = alpha + numerator;
    sum += kept * std::log(numerator) + lost * std::log(alpha) - at_risk * std::log(denominator);
    by_alpha += lost / alpha - at_risk / denominator;
    by_beta += kept / numerator - at_risk / denominator;
    const double curve = at_risk / (denominator * denominator);
    hessian.array() += curve;
    hessian(0, 0) -= lost / (alpha * alpha);
    hessian(1, 1) -= kept / (numerator * numerator);
  }
  if (derivatives != nullptr) *derivatives = {.gradient = {by_alpha, by_beta}, .hessian = hessian};
  return sum;
}

double BetaDiscreteWeibull(const Renewals& renewals, const std::vector<double>& parameters,
                           std::vector<double>* gradient) {
  const double c = parameters[2];
  LogSurvival before;
  double sum = 0;
  std::vector<double> slopes(3);
  for (std::size_t t = 0; t < renewals.periods.size(); ++t) {
    const auto& [at_risk, lost] = renewals.periods[t];
    const LogSurvival now = LogSurvivalWithSlopes(parameters[0], parameters[1], c, static_cast<double>(t) + 1);
    const double log_kept = now.value - before.value;
    const double chance_lost = -std::expm1(log_kept);
    const double kept = at_risk - lost;
    sum += kept * log_kept + (lost > 0 ? lost * std::log(chance_lost) : 0);
    const double slope = kept - (lost > 0 ? lost * std::exp(log_kept) / chance_lost : 0);
    slopes[0] += slope * (now.by_alpha - before.by_alpha);
    slopes[1] += slope * (now.by_beta - before.by_beta);
    slopes[2] += slope * (now.by_c - before.by_c);
    before = now;
  }
  if (gradient != nullptr) *gradient = slopes;
  return sum;
}

absl::Status TooLittle(const char* what) {
  return WithReason(absl::FailedPreconditionError(what), "TOO_LITTLE_HISTORY");
}

absl::Status CheckRenewals(const Renewals& renewals, std::size_t parameters) {
  double lost = 0;
  double kept = 0;
  std::size_t periods = 0;
  for (const auto& period : renewals.periods) {
    if (!(period.at_risk >= period.lost) || !(period.lost >= 0) || !std::isfinite(period.at_risk)) {
      return absl::InvalidArgumentError("a period has more customers lost than there were, or a number that is none");
    }
    lost += period.lost;
    kept += period.at_risk - period.lost;
    periods += period.at_risk > 0 ? 1 : 0;
  }
  if (lost == 0) return TooLittle("nobody has left yet: how long customers stay cannot be told from these");
  if (kept == 0) return TooLittle("everybody left at the first renewal: nothing is left to be projected");
  if (periods < parameters) return TooLittle("too few renewals have come due to tell the parameters of the model");
  return absl::OkStatus();
}

RetentionModel ModelOf(RetentionFamily family, const std::vector<double>& parameters) {
  return {.family = family,
          .alpha = parameters[0],
          .beta = parameters[1],
          .c = family == RetentionFamily::kBetaDiscreteWeibull ? parameters[2] : 1};
}

}  // namespace

Renewals Renewals::Of(const std::vector<Customer>& customers) {
  Renewals renewals;
  const auto period = [&](int t) -> Period& {
    if (renewals.periods.size() <= static_cast<std::size_t>(t))
      renewals.periods.resize(static_cast<std::size_t>(t) + 1);
    return renewals.periods[static_cast<std::size_t>(t)];
  };
  // Counted by their last period first, then summed up from the end: each was at risk in all periods before it.
  for (const Customer& customer : customers) {
    if (customer.renewals > 0) period(customer.renewals - 1).at_risk += 1;
    if (!customer.lost) continue;
    period(customer.renewals).at_risk += 1;
    period(customer.renewals).lost += 1;
    if (customer.renewals > 0) period(customer.renewals - 1).at_risk -= 1;
  }
  double later = 0;
  for (auto it = renewals.periods.rbegin(); it != renewals.periods.rend(); ++it) {
    it->at_risk += later;
    later = it->at_risk;
  }
  return renewals;
}

double RetentionModel::Survival(double t) const {
  return t <= 0 ? 1 : std::exp(LogSurvivalAt(alpha, beta, Grown(t, c)));
}

double LogLikelihoodOf(const RetentionModel& model, const Renewals& renewals) {
  return model.family == RetentionFamily::kShiftedBetaGeometric
             ? ShiftedBetaGeometric(renewals, {model.alpha, model.beta}, nullptr)
             : BetaDiscreteWeibull(renewals, {model.alpha, model.beta, model.c}, nullptr);
}

absl::StatusOr<RetentionFit> FitRetention(RetentionFamily family, const Renewals& renewals, const FitLimits& limits) {
  const bool weibull = family == RetentionFamily::kBetaDiscreteWeibull;
  PERENNIAL_RETURN_IF_ERROR(CheckRenewals(renewals, weibull ? 3 : 2));
  const auto result_of = [&](Fit fit) {
    RetentionFit result{.model = ModelOf(family, fit.parameters), .fit = std::move(fit)};
    result.aic = 2.0 * static_cast<double>(result.fit.parameters.size()) - 2 * result.fit.log_likelihood;
    return result;
  };
  if (!weibull) {
    PERENNIAL_ASSIGN_OR_RETURN(
        Fit fit, MaximizeByNewton([&](const auto& parameters, auto* derivatives) {
          return ShiftedBetaGeometric(renewals, parameters, derivatives);
        }, {1, 1}, limits));
    return result_of(std::move(fit));
  }
  // From where the simpler model ends, so that it is never worse than that.
  PERENNIAL_ASSIGN_OR_RETURN(const RetentionFit simple,
                             FitRetention(RetentionFamily::kShiftedBetaGeometric, renewals, limits));
  PERENNIAL_ASSIGN_OR_RETURN(
      Fit fit, Maximize([&](const auto& parameters, auto* gradient) {
        return BetaDiscreteWeibull(renewals, parameters, gradient);
      }, {simple.model.alpha, simple.model.beta, 1}, limits));
  return result_of(std::move(fit));
}

absl::StatusOr<std::vector<RetentionFit>> FitBestRetention(const Renewals& renewals, const FitLimits& limits) {
  PERENNIAL_ASSIGN_OR_RETURN(RetentionFit simple,
                             FitRetention(RetentionFamily::kShiftedBetaGeometric, renewals, limits));
  std::vector<RetentionFit> fits;
  fits.push_back(std::move(simple));
  auto weibull = FitRetention(RetentionFamily::kBetaDiscreteWeibull, renewals, limits);
  if (absl::IsDeadlineExceeded(weibull.status())) return weibull.status();
  if (weibull.ok()) fits.push_back(*std::move(weibull));
  std::stable_sort(fits.begin(), fits.end(), [](const auto& a, const auto& b) { return a.aic < b.aic; });
  return fits;
}

std::optional<RetentionFit::Interval> RetentionFit::SurvivalInterval(double t, double renewals) const {
  const double base = model.Survival(renewals);
  const double survival = base > 0 ? model.Survival(renewals + t) / base : 0;
  if (fit.log_covariance.size() == 0 || t <= 0 || survival <= 0 || survival >= 1) return std::nullopt;
  LogSurvival slopes = LogSurvivalWithSlopes(model.alpha, model.beta, model.c, renewals + t);
  if (renewals > 0) {
    const LogSurvival before = LogSurvivalWithSlopes(model.alpha, model.beta, model.c, renewals);
    slopes.value -= before.value;
    slopes.by_alpha -= before.by_alpha;
    slopes.by_beta -= before.by_beta;
    slopes.by_c -= before.by_c;
  }
  Eigen::VectorXd by_log(fit.log_covariance.rows());
  by_log(0) = slopes.by_alpha * model.alpha;
  by_log(1) = slopes.by_beta * model.beta;
  if (by_log.size() > 2) by_log(2) = slopes.by_c * model.c;
  // ln(-ln S) has no bounds, so that the interval stays between 0 and 1.
  by_log /= slopes.value;
  const double error = std::sqrt((by_log.transpose() * fit.log_covariance * by_log)(0));
  constexpr double kNormal95 = 1.959963984540054;
  const double middle = std::log(-slopes.value);
  return Interval{.low = std::exp(-std::exp(middle + kNormal95 * error)),
                  .high = std::exp(-std::exp(middle - kNormal95 * error))};
}

double DerlBySeries(const RetentionModel& model, int n, double d) {
  const double base = model.Survival(n - 1);
  double sum = 0;
  double discount = 1;
  for (int t = n;; ++t) {
    const double term = model.Survival(t) / base * discount;
    sum += term;
    discount /= 1 + d;
    // What follows is at most a geometric series.
    if (term / d < 1e-11 * sum || sum == 0 || t - n > 1000000) return sum;
  }
}

double Derl(const RetentionModel& model, int n, double d) {
  if (model.family != RetentionFamily::kShiftedBetaGeometric) return DerlBySeries(model, n, d);
  const double renewed = model.beta + n - 1;
  return renewed / (model.alpha + renewed) * Hypergeometric2F1(1, renewed + 1, model.alpha + renewed + 1, 1 / (1 + d));
}

double DelOfNewCustomer(const RetentionModel& model, double d) {
  if (model.family == RetentionFamily::kShiftedBetaGeometric) {
    return Hypergeometric2F1(1, model.beta, model.alpha + model.beta, 1 / (1 + d));
  }
  return 1 + DerlBySeries(model, 1, d) / (1 + d);
}

}  // namespace perennial::value
