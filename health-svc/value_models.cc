#include "health-svc/value_models.h"

#include <algorithm>
#include <cmath>

#include "common/facts/fact_row.h"

namespace perennial::health {
namespace {

constexpr double kDaysOfMonth = 365.25 / 12;
// Renewals that are told apart; who has made more has lived through as good as all that the model tells.
constexpr int kMostRenewals = 600;
// Payments that a lifetime without discounting counts.
constexpr int kMostPeriods = 1200;

double Sigmoid(double logit) {
  return logit >= 0 ? 1 / (1 + std::exp(-logit)) : std::exp(logit) / (1 + std::exp(logit));
}

double Parameter(const v1::FitReport& report, int index) {
  return index < report.parameters_size() ? report.parameters(index).value() : 1;
}

template <class Model>
PurchaseModel::Worth WorthUnder(const Model& model, const value::PurchaseHistory& history, double horizon, double rate,
                                int steps) {
  // A sum over the steps, each discounted from its middle.
  PurchaseModel::Worth out{.alive = model.ProbabilityAlive(history),
                           .purchases = model.ExpectedPurchases(history, horizon),
                           .value = value::DiscountedPurchases(model, history, horizon, rate, steps)};
  return out;
}

}  // namespace

value::RetentionFit RetentionOf(const v1::RetentionFit& fit) {
  const bool weibull = fit.family() == v1::RETENTION_FAMILY_BETA_DISCRETE_WEIBULL;
  const v1::FitReport& report = fit.report();
  value::RetentionFit out;
  out.model = {
      .family = weibull ? value::RetentionFamily::kBetaDiscreteWeibull : value::RetentionFamily::kShiftedBetaGeometric,
      .alpha = Parameter(report, 0),
      .beta = Parameter(report, 1),
      .c = weibull ? Parameter(report, 2) : 1};
  out.fit.log_likelihood = report.log_likelihood();
  out.aic = report.aic();
  const int count = report.parameters_size();
  if (count > 0 && report.log_covariance_size() == count * count) {
    out.fit.log_covariance = Eigen::MatrixXd(count, count);
    for (int i = 0; i < count * count; ++i) out.fit.log_covariance(i / count, i % count) = report.log_covariance(i);
  }
  return out;
}

RetentionTable::RetentionTable(const value::RetentionModel& model, int period_months, double discount_rate)
    : period_days_(period_months * kDaysOfMonth), by_renewals_(kMostRenewals + 1) {
  const double rate = std::pow(1 + discount_rate, period_months / 12.0) - 1;
  std::vector<double> survival(kMostRenewals + kMostPeriods + 2);
  for (std::size_t t = 0; t < survival.size(); ++t) survival[t] = model.Survival(static_cast<double>(t));
  std::vector<double> sums(survival.size() + 1);
  for (std::size_t t = survival.size(); t-- > 0;) sums[t] = sums[t + 1] + survival[t];
  // DERL(n) = r(n) (1 + DERL(n + 1) / (1 + d)), backwards from where it is worked out by itself.
  double derl = survival[kMostRenewals] > 0 ? value::DerlBySeries(model, kMostRenewals + 1, rate) : 0;
  for (int k = kMostRenewals; k >= 0; --k) {
    const auto at = static_cast<std::size_t>(k);
    if (k < kMostRenewals) {
      const double kept = survival[at] > 0 ? survival[at + 1] / survival[at] : 0;
      derl = kept * (1 + derl / (1 + rate));
    }
    Worth& worth = by_renewals_[at];
    worth.discounted_months = derl * period_months;
    if (survival[at] <= 0) {
      worth.churn_12m = 1;
      continue;
    }
    worth.churn_12m = std::clamp(1 - model.Survival(k + 12.0 / period_months) / survival[at], 0.0, 1.0);
    worth.lifetime_months = (sums[at + 1] - sums[at + kMostPeriods + 1]) / survival[at] * period_months;
  }
}

const RetentionTable::Worth& RetentionTable::Of(double tenure_days) const {
  const double renewals = std::floor(std::max(0.0, tenure_days) / period_days_);
  return by_renewals_[static_cast<std::size_t>(std::min<double>(renewals, kMostRenewals))];
}

RetentionTable::Worth WorthAtConstantRate(double churn_12m, double discount_rate) {
  const double kept = std::pow(1 - std::clamp(churn_12m, 0.0, 1.0), 1.0 / 12);
  const double rate = std::pow(1 + discount_rate, 1.0 / 12) - 1;
  // Sum of kept^t for t from 1 to the most: a chance of next to nothing must not make a lifetime of millennia.
  const double lifetime = 1 - kept < 1e-12 ? kMostPeriods : kept * (1 - std::pow(kept, kMostPeriods)) / (1 - kept);
  return {.churn_12m = churn_12m, .lifetime_months = lifetime, .discounted_months = kept / (1 + rate - kept)};
}

ChurnModel::ChurnModel(const v1::ChurnFit& fit)
    : intercept_(fit.calibration_slope() * fit.intercept() + fit.calibration_offset()),
      years_(365.0 / std::max(1, fit.horizon_days())) {
  double all = 0;
  for (const v1::ChurnCoefficient& coefficient : fit.coefficients()) all += std::abs(coefficient.standardised());
  for (const v1::ChurnCoefficient& coefficient : fit.coefficients()) {
    columns_.push_back({.term = ParseTerm(coefficient.term()),
                        .coefficient = fit.calibration_slope() * coefficient.coefficient(),
                        .mean = coefficient.mean(),
                        .weight = all > 0 ? std::abs(coefficient.standardised()) / all : 0});
  }
}

bool ChurnModel::Resolve(const facts::FactCatalogue& catalogue) {
  if (resolved_at_ == catalogue.size()) return false;
  resolved_at_ = catalogue.size();
  bool found = false;
  for (Column& column : columns_) {
    if (column.fact.has_value()) continue;
    column.fact = catalogue.Find(column.term.fact);
    if (!column.fact.has_value()) continue;
    column.type = catalogue.Get(*column.fact).type;
    found = true;
  }
  return found;
}

void ChurnModel::LogOdds(const facts::FactTable& table, absl::Span<const facts::RowId> rows,
                         std::vector<double>& log_odds, std::vector<double>& coverage) const {
  log_odds.assign(rows.size(), intercept_);
  coverage.assign(rows.size(), 0);
  double all = 0;
  for (const Column& column : columns_) {
    all += column.weight;
    if (column.fact.has_value() && column.type == facts::FactType::kString) {
      AddTexts(column, table, rows, log_odds, coverage);
    } else {
      AddNumbers(column, table, rows, log_odds, coverage);
    }
  }
  if (all > 0) return;
  std::fill(coverage.begin(), coverage.end(), 1.0);  // nothing is asked for
}

void ChurnModel::AddNumbers(const Column& column, const facts::FactTable& table, absl::Span<const facts::RowId> rows,
                            std::vector<double>& log_odds, std::vector<double>& coverage) const {
  const facts::NumberColumn* numbers = column.fact.has_value() ? table.numbers(*column.fact) : nullptr;
  const bool indicator = column.term.kind == ChurnTerm::Kind::kUnknown;
  const double unknown = indicator ? column.coefficient * (1 - column.mean) : 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (numbers == nullptr || !numbers->known.Test(rows[i])) {
      log_odds[i] += unknown;
      continue;
    }
    const double x = indicator ? 0 : Bounded(numbers->values[rows[i]]);
    log_odds[i] += column.coefficient * (x - column.mean);
    coverage[i] += column.weight;
  }
}

void ChurnModel::AddTexts(const Column& column, const facts::FactTable& table, absl::Span<const facts::RowId> rows,
                          std::vector<double>& log_odds, std::vector<double>& coverage) const {
  const facts::TextColumn* texts = table.texts(*column.fact);
  const bool indicator = column.term.kind == ChurnTerm::Kind::kUnknown;
  const std::uint32_t wanted = texts != nullptr && !indicator ? texts->dictionary.Find(column.term.value) : 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint32_t code = texts == nullptr ? 0 : texts->codes[rows[i]];
    const bool yes = indicator ? code == 0 : code != 0 && code == wanted;
    log_odds[i] += column.coefficient * ((yes ? 1 : 0) - column.mean);
    if (code != 0) coverage[i] += column.weight;
  }
}

double ChurnModel::Churn12m(double log_odds) const {
  const double stays = 1 - Sigmoid(log_odds);
  return std::clamp(1 - std::pow(stays, years_), 0.0, 1.0);
}

std::vector<v1::ValueReason> ChurnModel::Reasons(const facts::FactTable& table, facts::RowId row,
                                                 const facts::FactCatalogue& catalogue) const {
  // Terms of one fact are one reason: the values of a text, and whether it is unknown.
  std::vector<v1::ValueReason> out;
  std::vector<double> one;
  std::vector<double> coverage;
  for (const Column& column : columns_) {
    one.assign(1, 0);
    coverage.assign(1, 0);
    if (column.fact.has_value() && column.type == facts::FactType::kString) {
      AddTexts(column, table, {row}, one, coverage);
    } else {
      AddNumbers(column, table, {row}, one, coverage);
    }
    const auto same = std::find_if(out.begin(), out.end(),
                                   [&](const v1::ValueReason& reason) { return reason.fact() == column.term.fact; });
    if (same != out.end()) {
      same->set_log_odds(same->log_odds() + one[0]);
      continue;
    }
    v1::ValueReason& reason = out.emplace_back();
    reason.set_fact(column.term.fact);
    reason.set_log_odds(one[0]);
    if (!column.fact.has_value()) continue;
    const auto fact_value = table.Value(row, *column.fact, catalogue.Get(*column.fact).type);
    if (fact_value.has_value()) reason.set_value(facts::ToText(*fact_value, column.type));
  }
  std::stable_sort(out.begin(), out.end(), [](const v1::ValueReason& a, const v1::ValueReason& b) {
    return std::abs(a.log_odds()) > std::abs(b.log_odds());
  });
  return out;
}

PurchaseModel::PurchaseModel(const v1::PurchaseFit& fit)
    : metric_(fit.metric()), unit_days_(std::max(1, fit.unit_days())) {
  const v1::FitReport& report = fit.purchases();
  if (fit.family() == v1::PURCHASE_FAMILY_PARETO_NBD) {
    pareto_nbd_ = {.r = Parameter(report, 0),
                   .alpha = Parameter(report, 1),
                   .s = Parameter(report, 2),
                   .beta = Parameter(report, 3)};
  } else {
    bg_nbd_ = {
        .r = Parameter(report, 0), .alpha = Parameter(report, 1), .a = Parameter(report, 2), .b = Parameter(report, 3)};
  }
  if (fit.has_spend()) {
    spend_ = {.p = Parameter(fit.spend(), 0), .q = Parameter(fit.spend(), 1), .gamma = Parameter(fit.spend(), 2)};
  }
}

PurchaseModel::Worth PurchaseModel::Of(const Purchases& history, std::int64_t day, int horizon_months,
                                       double discount_rate) const {
  const double end = std::max<double>(static_cast<double>(day), history.last_day);
  const value::PurchaseHistory bought{.repeats = history.repeats,
                                      .last = (history.last_day - history.first_day) / unit_days_,
                                      .age = (end - history.first_day) / unit_days_};
  const double horizon = horizon_months * kDaysOfMonth / unit_days_;
  const double rate = std::pow(1 + discount_rate, unit_days_ / 365.25) - 1;
  const int steps = std::max(1, (horizon_months + 2) / 3);
  Worth out = bg_nbd_.has_value() ? WorthUnder(*bg_nbd_, bought, horizon, rate, steps)
                                  : WorthUnder(*pareto_nbd_, bought, horizon, rate, steps);
  const double mean = spend_.has_value() && out.value > 0
                          ? spend_->ExpectedMean({.purchases = history.repeats, .mean = history.mean_value})
                          : 0;
  out.value = std::isfinite(mean) ? out.value * mean : std::nan("");
  return out;
}

}  // namespace perennial::health
