#include "health-svc/churn_fit.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/past_churns.h"
#include "health-svc/past_requests.h"
#include "health-svc/value_fits.h"
#include "health-svc/value_terms.h"

namespace perennial::health {
namespace {

constexpr int kUsualHorizonDays = 365;
constexpr int kMostFacts = 200;
constexpr std::size_t kLongestFact = 200;
constexpr double kMostRidge = 1e6;
constexpr double kUsualHoldout = 0.25;
// Accounts as of dates: bounds the memory of a fit, and tells more than enough.
constexpr std::size_t kMostRows = 100'000;

int HorizonOf(const v1::FitChurnModelRequest& request) {
  return request.horizon_days() == 0 ? kUsualHorizonDays : request.horizon_days();
}

absl::Status Check(const v1::FitChurnModelRequest& request, absl::Time now) {
  BadRequest bad;
  CheckFit(request.value_model_id(), request.filter(), request.author(), request.note(), bad);
  if (request.horizon_days() != 0 && (request.horizon_days() < 30 || request.horizon_days() > 730)) {
    bad.Add("horizon_days", "must be 30 to 730, or 0 for 365");
  }
  CheckPastDates(request, absl::Hours(24) * std::clamp(HorizonOf(request), 30, 730), now, bad);
  if (request.facts_size() > kMostFacts) {
    bad.Add("facts", absl::StrCat("must be at most ", kMostFacts));
  } else {
    for (int i = 0; i < request.facts_size(); ++i) {
      const std::string& fact = request.facts(i);
      const std::string field = absl::StrCat("facts[", i, "]");
      if (fact.empty() || fact.size() > kLongestFact) bad.Add(field, "must be the name of a fact, or a prefix with *");
      if (!absl::EndsWith(fact, "*") && TellsOutcome(fact)) bad.Add(field, "tells the outcome");
    }
  }
  if (!(request.ridge() >= 0 && request.ridge() <= kMostRidge)) {
    bad.Add("ridge", "must be greater than 0, at most 1e6, or 0 for 1");
  }
  if (!(request.holdout_share() >= 0 && request.holdout_share() <= 0.5)) {
    bad.Add("holdout_share", "must be greater than 0, at most 0.5, or 0 for 0.25");
  }
  return bad.ToStatus();
}

}  // namespace

absl::StatusOr<v1::FitChurnModelResponse> ChurnFits::Fit(const v1::FitChurnModelRequest& request,
                                                         const PastFacts::MakeContext& make_context,
                                                         absl::Time deadline) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request, clock_.Now()));
  PERENNIAL_RETURN_IF_ERROR(library_.CheckKind(request.value_model_id(), v1::VALUE_MODEL_KIND_CHURN));
  const int dates = request.as_of_size();
  const absl::Duration horizon = absl::Hours(24) * HorizonOf(request);
  PastChurns churns(horizon);
  PERENNIAL_RETURN_IF_ERROR(
      churns.Read(history_.past(), ToTime(request.as_of(0)), ToTime(request.as_of(dates - 1)), make_context));
  facts::FactCatalogue catalogue;  // of accounts-svc alone
  ChurnRows rows({request.facts().begin(), request.facts().end()}, catalogue, kMostRows);
  for (int i = 0; i < dates; ++i) {
    const absl::Time as_of = ToTime(request.as_of(i));
    PERENNIAL_RETURN_IF_ERROR(history_.past().VisitAllAsOf(
        as_of, request.filter(), make_context, catalogue, [&](const std::string& account, const facts::FactRow& row) {
          if (!CanChurn(catalogue, row)) return;
          rows.Add(account, i, churns.DaysToChurn(account, as_of).has_value(), row);
        }));
  }
  const bool apart = dates > 1 && ToTime(request.as_of(dates - 2)) + horizon <= ToTime(request.as_of(dates - 1));
  const ChurnLearning how{.ridge = request.ridge() > 0 ? request.ridge() : 1,
                          .holdout_share = request.holdout_share() > 0 ? request.holdout_share() : kUsualHoldout,
                          .last_date_apart = apart,
                          .last_date = dates - 1,
                          .horizon_days = HorizonOf(request),
                          .deadline = deadline};
  v1::ValueModel model;
  PERENNIAL_ASSIGN_OR_RETURN(*model.mutable_churn(), LearnChurn(rows, how));
  const bool out_of_time = model.churn().evaluation().out_of_time();
  for (int i = 0; i < dates - (out_of_time ? 1 : 0); ++i) *model.mutable_churn()->add_as_of() = request.as_of(i);
  model.set_kind(v1::VALUE_MODEL_KIND_CHURN);
  model.set_filter(request.filter());
  model.set_author(request.author());
  model.set_note(request.note());
  model.set_customers(model.churn().rows());
  *model.mutable_data_start_time() = request.as_of(0);
  SetTimestamp(ToTime(request.as_of(dates - 1)) + horizon, model.mutable_data_end_time());
  v1::FitChurnModelResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_value_model(),
                             library_.Keep(request.value_model_id(), std::move(model), request.validate_only()));
  return response;
}

}  // namespace perennial::health
