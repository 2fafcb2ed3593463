#include "health-svc/value_fits.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/configurator.h"
#include "health-svc/value_projection.h"

namespace perennial::health {
namespace {

constexpr int kMostPeriods = 1000;
constexpr double kMostCustomers = 1e9;
constexpr int kMostCohorts = 1000;
constexpr int kMostHistories = 1'000'000;
constexpr double kLongestTime = 1e6;

void CheckMoment(const google::protobuf::Timestamp& time, bool present, absl::Time now, absl::string_view field,
                 BadRequest& bad) {
  if (!present) return;
  if (!IsValidTimestamp(time)) return bad.Add(field, "must be a time of the years 1 to 9999");
  if (ToTime(time) > now) bad.Add(field, "must not be later than now");
}

void CheckCohorts(const v1::FitRetentionModelRequest& request, BadRequest& bad) {
  if (request.cohorts_size() > kMostCohorts) {
    return bad.Add("cohorts", absl::StrCat("must be at most ", kMostCohorts));
  }
  for (int i = 0; i < request.cohorts_size(); ++i) {
    const std::string field = absl::StrCat("cohorts[", i, "].survivors");
    const auto& survivors = request.cohorts(i).survivors();
    if (survivors.size() < 2 || survivors.size() > kMostPeriods) {
      bad.Add(field, absl::StrCat("must be 2 to ", kMostPeriods, " numbers"));
      continue;
    }
    for (int t = 0; t < survivors.size(); ++t) {
      const bool good = survivors[t] >= 0 && survivors[t] <= kMostCustomers;
      if (good && (t == 0 || survivors[t] <= survivors[t - 1])) continue;
      bad.Add(absl::StrCat(field, "[", t, "]"), good ? "must not be greater than the one before" : "must be 0 to 1e9");
      break;
    }
  }
}

absl::Status Check(const v1::FitRetentionModelRequest& request, absl::Time now) {
  BadRequest bad;
  CheckFit(request.value_model_id(), request.filter(), request.author(), request.note(), bad);
  if (!v1::RetentionFamily_IsValid(request.family())) bad.Add("family", "is not known");
  if (request.period_months() < 0 || request.period_months() > 12) {
    bad.Add("period_months", "must be 1 to 12, or 0 for 1");
  }
  CheckMoment(request.end_time(), request.has_end_time(), now, "end_time", bad);
  CheckMoment(request.start_time(), request.has_start_time(), now, "start_time", bad);
  CheckCohorts(request, bad);
  return bad.ToStatus();
}

void CheckHistories(const v1::FitPurchaseModelRequest& request, BadRequest& bad) {
  if (request.histories_size() > kMostHistories) {
    return bad.Add("histories", absl::StrCat("must be at most ", kMostHistories));
  }
  int faults = 0;
  for (int i = 0; i < request.histories_size() && faults < 20; ++i) {
    const v1::PurchaseHistory& history = request.histories(i);
    const std::string at = absl::StrCat("histories[", i, "].");
    const auto add = [&](absl::string_view field, absl::string_view problem) {
      bad.Add(absl::StrCat(at, field), problem);
      ++faults;
    };
    if (!(history.repeats() >= 0 && history.repeats() <= kLongestTime)) add("repeats", "must be 0 to 1e6");
    if (!(history.last() >= 0 && history.last() <= kLongestTime)) add("last", "must be 0 to 1e6");
    if (!(history.age() >= history.last() && history.age() <= kLongestTime)) add("age", "must be last to 1e6");
    if (history.repeats() == 0 && history.last() > 0) add("last", "must be 0 without repeats");
    if (history.has_mean_value() && !(history.mean_value() >= 0 && history.mean_value() <= 1e12)) {
      add("mean_value", "must be 0 to 1e12");
    }
  }
}

absl::Status Check(const v1::FitPurchaseModelRequest& request, absl::Time now) {
  BadRequest bad;
  CheckFit(request.value_model_id(), request.filter(), request.author(), request.note(), bad);
  if (!v1::PurchaseFamily_IsValid(request.family())) bad.Add("family", "is not known");
  if (request.metric().empty() == request.histories().empty()) {
    bad.Add("metric", request.metric().empty() ? "is required without histories" : "must not be set beside histories");
  }
  if (!request.metric().empty()) bad.AddIfError("metric", CheckKey(request.metric()));
  if (request.unit_days() < 0 || request.unit_days() > 365) bad.Add("unit_days", "must be 1 to 365, or 0 for 7");
  CheckMoment(request.end_time(), request.has_end_time(), now, "end_time", bad);
  CheckHistories(request, bad);
  return bad.ToStatus();
}

value::Renewals RenewalsOf(const v1::FitRetentionModelRequest& request) {
  value::Renewals out;
  for (const v1::CohortSurvivors& cohort : request.cohorts()) {
    const auto& survivors = cohort.survivors();
    const auto periods = static_cast<std::size_t>(survivors.size() - 1);
    if (out.periods.size() < periods) out.periods.resize(periods);
    for (std::size_t t = 0; t < periods; ++t) {
      const double here = survivors[static_cast<int>(t)];
      out.periods[t].at_risk += here;
      out.periods[t].lost += here - survivors[static_cast<int>(t) + 1];
    }
  }
  return out;
}

v1::RetentionFit ToProto(const value::RetentionFit& fit, const value::Renewals& renewals) {
  const bool weibull = fit.model.family == value::RetentionFamily::kBetaDiscreteWeibull;
  v1::RetentionFit out;
  out.set_family(weibull ? v1::RETENTION_FAMILY_BETA_DISCRETE_WEIBULL : v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC);
  SetReport(fit.fit,
            weibull ? std::vector<const char*>{"alpha", "beta", "c"} : std::vector<const char*>{"alpha", "beta"},
            out.mutable_report());
  // Kaplan-Meier: the product of the shares that made each renewal.
  double observed = 1;
  for (std::size_t t = 0; t <= renewals.periods.size(); ++t) {
    v1::SurvivalPoint* point = out.add_survival();
    SetSurvival(fit, /*renewals=*/0, static_cast<int>(t), point);
    if (t > 0) {
      const auto& period = renewals.periods[t - 1];
      if (period.at_risk <= 0) observed = -1;
      if (observed >= 0) observed *= 1 - period.lost / period.at_risk;
    }
    if (observed >= 0) point->set_observed(observed);
  }
  return out;
}

absl::StatusOr<std::vector<value::RetentionFit>> FitFamilies(v1::RetentionFamily family,
                                                             const value::Renewals& renewals,
                                                             const value::FitLimits& limits) {
  if (family == v1::RETENTION_FAMILY_UNSPECIFIED) return value::FitBestRetention(renewals, limits);
  PERENNIAL_ASSIGN_OR_RETURN(value::RetentionFit fit,
                             value::FitRetention(family == v1::RETENTION_FAMILY_BETA_DISCRETE_WEIBULL
                                                     ? value::RetentionFamily::kBetaDiscreteWeibull
                                                     : value::RetentionFamily::kShiftedBetaGeometric,
                                                 renewals, limits));
  std::vector<value::RetentionFit> fits;
  fits.push_back(std::move(fit));
  return fits;
}

// What purchase models are fitted on.
struct Bought {
  std::vector<value::PurchaseHistory> histories;
  std::vector<value::Spend> spends;

  void Add(const value::PurchaseHistory& history, std::optional<double> mean) {
    histories.push_back(history);
    if (history.repeats > 0 && mean.has_value() && *mean > 0)
      spends.push_back({.purchases = history.repeats, .mean = *mean});
  }
};

template <class Model>
double ExpectedRepeats(const Model& model, const std::vector<value::PurchaseHistory>& histories) {
  double sum = 0;
  for (const value::PurchaseHistory& history : histories) sum += model.ExpectedPurchases(history.age);
  return sum;
}

absl::Status SetPurchaseFit(const Bought& bought, v1::PurchaseFamily family, const value::FitLimits& limits,
                            v1::PurchaseFit* out) {
  if (family == v1::PURCHASE_FAMILY_PARETO_NBD) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto fit, value::FitParetoNbd(bought.histories, limits));
    SetReport(fit.fit, {"r", "alpha", "s", "beta"}, out->mutable_purchases());
    out->set_repeats_expected(ExpectedRepeats(fit.model, bought.histories));
  } else {
    PERENNIAL_ASSIGN_OR_RETURN(const auto fit, value::FitBgNbd(bought.histories, limits));
    SetReport(fit.fit, {"r", "alpha", "a", "b"}, out->mutable_purchases());
    out->set_repeats_expected(ExpectedRepeats(fit.model, bought.histories));
  }
  out->set_family(family == v1::PURCHASE_FAMILY_PARETO_NBD ? family : v1::PURCHASE_FAMILY_BG_NBD);
  double repeats = 0;
  for (const value::PurchaseHistory& history : bought.histories) repeats += history.repeats;
  out->set_repeats_observed(repeats);
  const auto spend = value::FitGammaGamma(bought.spends, limits);
  if (absl::IsDeadlineExceeded(spend.status())) return spend.status();
  if (spend.ok()) SetReport(spend->fit, {"p", "q", "gamma"}, out->mutable_spend());
  return absl::OkStatus();
}

}  // namespace

void SetReport(const value::Fit& fit, const std::vector<const char*>& names, v1::FitReport* out) {
  const std::vector<double> errors = fit.StandardErrors();
  for (std::size_t i = 0; i < names.size() && i < fit.parameters.size(); ++i) {
    v1::ModelParameter* parameter = out->add_parameters();
    parameter->set_name(names[i]);
    parameter->set_value(fit.parameters[i]);
    if (i < errors.size() && std::isfinite(errors[i])) parameter->set_standard_error(errors[i]);
  }
  out->set_log_likelihood(fit.log_likelihood);
  out->set_aic(2.0 * static_cast<double>(names.size()) - 2 * fit.log_likelihood);
  out->set_iterations(fit.iterations);
  if (!fit.log_covariance.allFinite()) return;
  for (Eigen::Index i = 0; i < fit.log_covariance.rows(); ++i) {
    for (Eigen::Index j = 0; j < fit.log_covariance.cols(); ++j) out->add_log_covariance(fit.log_covariance(i, j));
  }
}

void CheckFit(const std::string& id, const std::string& filter, const std::string& author, const std::string& note,
              BadRequest& bad) {
  bad.AddIfError("value_model_id", CheckValueModelId(id));
  bad.AddIfError("filter", CheckValueFilter(filter));
  CheckAuthorship({.author = author, .note = note}, "author", bad);
}

absl::StatusOr<v1::FitRetentionModelResponse> ValueFits::FitRetention(const v1::FitRetentionModelRequest& request,
                                                                      const PastFacts::MakeContext& make_context,
                                                                      absl::Time deadline) const {
  const absl::Time now = clock_.Now();
  PERENNIAL_RETURN_IF_ERROR(Check(request, now));
  PERENNIAL_RETURN_IF_ERROR(library_.CheckKind(request.value_model_id(), v1::VALUE_MODEL_KIND_RETENTION));
  v1::ValueModel model;
  model.set_period_months(std::max(1, request.period_months()));
  value::Renewals renewals = RenewalsOf(request);
  if (request.cohorts().empty()) {
    const absl::Time end = request.has_end_time() ? ToTime(request.end_time()) : now;
    const absl::Time start = request.has_start_time() ? ToTime(request.start_time()) : absl::InfinitePast();
    PERENNIAL_ASSIGN_OR_RETURN(const auto selected, history_.Selected(request.filter(), make_context));
    std::vector<value::Renewals::Customer> customers;
    absl::Time first = end;
    PERENNIAL_RETURN_IF_ERROR(history_.VisitLedgers(make_context, [&](const std::string& account, const auto& ledger) {
      if (selected.has_value() && !selected->contains(account)) return;
      for (const Relationship& relationship : RelationshipsOf(ledger, end)) {
        if (relationship.start < start) continue;
        first = std::min(first, relationship.start);
        customers.push_back(CustomerOf(relationship, model.period_months(), end));
      }
    }));
    renewals = value::Renewals::Of(customers);
    model.set_customers(static_cast<std::int64_t>(customers.size()));
    SetTimestamp(first, model.mutable_data_start_time());
    SetTimestamp(end, model.mutable_data_end_time());
  } else {
    double customers = 0;
    for (const v1::CohortSurvivors& cohort : request.cohorts()) customers += cohort.survivors(0);
    model.set_customers(std::llround(customers));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const auto fits, FitFamilies(request.family(), renewals, {.deadline = deadline}));
  model.set_kind(v1::VALUE_MODEL_KIND_RETENTION);
  model.set_filter(request.filter());
  model.set_author(request.author());
  model.set_note(request.note());
  *model.mutable_retention() = ToProto(fits.front(), renewals);
  v1::FitRetentionModelResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_value_model(),
                             library_.Keep(request.value_model_id(), std::move(model), request.validate_only()));
  if (fits.size() > 1) *response.mutable_alternative() = ToProto(fits[1], renewals);
  return response;
}

absl::StatusOr<v1::FitPurchaseModelResponse> ValueFits::FitPurchase(const v1::FitPurchaseModelRequest& request,
                                                                    const PastFacts::MakeContext& make_context,
                                                                    absl::Time deadline) const {
  const absl::Time now = clock_.Now();
  PERENNIAL_RETURN_IF_ERROR(Check(request, now));
  PERENNIAL_RETURN_IF_ERROR(library_.CheckKind(request.value_model_id(), v1::VALUE_MODEL_KIND_PURCHASE));
  const int unit_days = request.unit_days() == 0 ? 7 : request.unit_days();
  v1::ValueModel model;
  Bought bought;
  for (const v1::PurchaseHistory& history : request.histories()) {
    bought.Add({.repeats = history.repeats(), .last = history.last(), .age = history.age()},
               history.has_mean_value() ? std::optional<double>(history.mean_value()) : std::nullopt);
  }
  if (request.histories().empty()) {
    const absl::Time end = request.has_end_time() ? ToTime(request.end_time()) : now;
    const std::int64_t end_day = DayOf(end);
    PERENNIAL_ASSIGN_OR_RETURN(const auto selected, history_.Selected(request.filter(), make_context));
    std::int64_t first_day = end_day;
    const auto add = [&](const std::string& account, const perennial::accounts::v1::AccountDailyUsage& usage) {
      const auto purchases = BoughtBy(usage, end_day);
      if (!purchases.has_value() || (selected.has_value() && !selected->contains(account))) return true;
      first_day = std::min<std::int64_t>(first_day, purchases->first_day);
      const double unit = unit_days;
      bought.Add({.repeats = purchases->repeats,
                  .last = (purchases->last_day - purchases->first_day) / unit,
                  .age = static_cast<double>(end_day - purchases->first_day) / unit},
                 purchases->mean_value);
      return true;
    };
    PERENNIAL_RETURN_IF_ERROR(history_.VisitDailyUsage(
        request.metric(), request.has_end_time() ? std::optional<absl::Time>(end) : std::nullopt, make_context, add));
    SetTimestamp(StartOfDay(first_day), model.mutable_data_start_time());
    SetTimestamp(end, model.mutable_data_end_time());
  }
  v1::PurchaseFit* fit = model.mutable_purchase();
  PERENNIAL_RETURN_IF_ERROR(SetPurchaseFit(bought, request.family(), {.deadline = deadline}, fit));
  fit->set_metric(request.metric());
  fit->set_unit_days(unit_days);
  model.set_customers(static_cast<std::int64_t>(bought.histories.size()));
  model.set_kind(v1::VALUE_MODEL_KIND_PURCHASE);
  model.set_filter(request.filter());
  model.set_author(request.author());
  model.set_note(request.note());
  v1::FitPurchaseModelResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_value_model(),
                             library_.Keep(request.value_model_id(), std::move(model), request.validate_only()));
  return response;
}

}  // namespace perennial::health
