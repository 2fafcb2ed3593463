#include "health-svc/value_projection.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "health-svc/value_library.h"
#include "health-svc/value_models.h"

namespace perennial::health {
namespace {

constexpr int kMostPeriods = 600;
constexpr int kUsualPeriods = 24;
constexpr int kMostRenewals = 10'000;
constexpr double kMostRate = 10;
// Payments that a lifetime without discounting counts.
constexpr int kLifetimePeriods = 1200;

// 1 / churn rate, with the mean rate at which customers of the data left: those who left in its periods, by those who
// could have.
double NaiveLifetime(const v1::RetentionFit& fit) {
  double at_risk = 0;
  double left = 0;
  for (int i = 1; i < fit.survival_size(); ++i) {
    if (!fit.survival(i).has_observed() || !fit.survival(i - 1).has_observed()) break;
    at_risk += fit.survival(i - 1).observed();
    left += fit.survival(i - 1).observed() - fit.survival(i).observed();
  }
  return left > 0 ? at_risk / left : 0;
}

}  // namespace

absl::Status CheckProjection(const v1::ProjectRetentionRequest& request) {
  BadRequest bad;
  bad.AddIfError("name", ValueModelOfName(request.name()).status());
  if (request.revision() < 0) bad.Add("revision", "must not be negative");
  if (request.periods() < 0 || request.periods() > kMostPeriods) {
    bad.Add("periods", absl::StrCat("must be 1 to ", kMostPeriods, ", or 0 for ", kUsualPeriods));
  }
  if (request.renewals() < 0 || request.renewals() > kMostRenewals) {
    bad.Add("renewals", absl::StrCat("must be 0 to ", kMostRenewals));
  }
  if (!(request.discount_rate() >= 0 && request.discount_rate() <= kMostRate)) {
    bad.Add("discount_rate",
            absl::StrCat("must be greater than 0, at most ", kMostRate, ", or 0 for that of the settings"));
  }
  return bad.ToStatus();
}

void SetSurvival(const value::RetentionFit& fit, int renewals, int period, v1::SurvivalPoint* out) {
  out->set_period(period);
  const double base = fit.model.Survival(renewals);
  const double survival = base > 0 ? fit.model.Survival(renewals + period) / base : 0;
  v1::Estimate* expected = out->mutable_expected();
  expected->set_value(survival);
  const auto interval = fit.SurvivalInterval(period, renewals);
  expected->set_low(interval.has_value() ? interval->low : survival);
  expected->set_high(interval.has_value() ? interval->high : survival);
  if (period == 0) return;
  const double before = fit.model.Survival(renewals + period - 1);
  out->set_retention_rate(before > 0 ? fit.model.Survival(renewals + period) / before : 0);
}

absl::StatusOr<v1::ProjectRetentionResponse> ProjectModel(const v1::ProjectRetentionRequest& request,
                                                          const v1::ValueModel& model, double discount_rate) {
  if (!model.has_retention()) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(model.name(), " is no retention model")),
                      "OTHER_KIND");
  }
  const int periods = request.periods() == 0 ? kUsualPeriods : request.periods();
  const int renewals = request.renewals();
  const value::RetentionFit fit = RetentionOf(model.retention());
  v1::ProjectRetentionResponse out;
  for (int t = 0; t <= periods; ++t) SetSurvival(fit, renewals, t, out.add_survival());
  const double rate = request.discount_rate() > 0 ? request.discount_rate()
                                                  : std::pow(1 + discount_rate, model.period_months() / 12.0) - 1;
  out.set_discount_rate(rate);
  out.set_period_months(model.period_months());
  out.set_naive_lifetime(NaiveLifetime(model.retention()));
  const double base = fit.model.Survival(renewals);
  if (!(base > 0)) return out;  // so much as nobody gets there
  out.set_discounted_residual_lifetime(value::Derl(fit.model, renewals + 1, rate));
  out.set_discounted_residual_lifetime_by_series(value::DerlBySeries(fit.model, renewals + 1, rate));
  double lifetime = 0;
  for (int t = 1; t <= kLifetimePeriods; ++t) lifetime += fit.model.Survival(renewals + t) / base;
  out.set_residual_lifetime(lifetime);
  return out;
}

}  // namespace perennial::health
