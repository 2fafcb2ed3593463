#include "health-svc/backtest.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/past_scoring.h"
#include "health-svc/rules/backtest_tally.h"

namespace perennial::health {
namespace {

constexpr int kUsualHorizonDays = 90;
constexpr int kLongestHorizonDays = 730;
constexpr int kMostDates = 24;
constexpr std::size_t kLongestFilter = 4096;
// Fewer accounts of either kind say nothing.
constexpr std::int64_t kFewest = 10;

void CheckDates(const v1::BacktestScorecardRequest& request, absl::Duration horizon, absl::Time now, BadRequest& bad) {
  if (request.as_of().empty()) bad.Add("as_of", "is required");
  if (request.as_of_size() > kMostDates)
    return bad.Add("as_of", absl::StrCat("must be at most ", kMostDates, " dates"));
  for (int i = 0; i < request.as_of_size(); ++i) {
    const std::string field = absl::StrCat("as_of[", i, "]");
    if (!IsValidTimestamp(request.as_of(i))) {
      bad.Add(field, "must be a time of the years 1 to 9999");
    } else if (ToTime(request.as_of(i)) + horizon > now) {
      bad.Add(field, "must lie at least horizon_days in the past");
    } else if (i > 0 && ToTime(request.as_of(i)) <= ToTime(request.as_of(i - 1))) {
      bad.Add(field, "must be later than the one before");
    }
  }
}

absl::Status TooLittle(const BacktestTally& tally, int horizon_days) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "of ", tally.accounts(), " scored accounts ", tally.churned(), " churned within ", horizon_days,
                        " days; a back-test needs at least ", kFewest, " that churned and ", kFewest,
                        " that stayed: take more or other dates, a longer horizon, or import more history")),
                    "TOO_LITTLE_HISTORY");
}

}  // namespace

absl::StatusOr<v1::BacktestScorecardResponse> Backtest::Run(const v1::BacktestScorecardRequest& request,
                                                            const PastFacts::MakeContext& make_context) const {
  const int horizon_days = request.horizon_days() == 0 ? kUsualHorizonDays : request.horizon_days();
  BadRequest bad;
  if (request.name().empty() && !request.has_scorecard()) bad.Add("name", "is required without a scorecard");
  if (!request.name().empty() && request.has_scorecard()) bad.Add("scorecard", "must not be set beside a name");
  const auto id = ScorecardOfName(request.name());
  if (!request.name().empty()) bad.AddIfError("name", id.status());
  if (request.revision() < 0) bad.Add("revision", "must not be negative");
  if (request.revision() > 0 && request.has_scorecard()) bad.Add("revision", "must be 0 for a draft");
  if (horizon_days < 1 || horizon_days > kLongestHorizonDays) {
    bad.Add("horizon_days", absl::StrCat("must be 1 to ", kLongestHorizonDays));
  }
  if (request.filter().size() > kLongestFilter)
    bad.Add("filter", absl::StrCat("must be at most ", kLongestFilter, " bytes"));
  CheckDates(request, absl::Hours(24) * std::clamp(horizon_days, 1, kLongestHorizonDays), clock_.Now(), bad);
  if (request.has_scorecard()) PERENNIAL_RETURN_IF_ERROR(library_.Check(request.scorecard(), bad));
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::Scorecard config = DefinitionOf(request.scorecard());
  if (!request.has_scorecard()) {
    PERENNIAL_ASSIGN_OR_RETURN(config, library_.Find(*id, request.revision()));
  }
  const std::int64_t revision = request.has_scorecard() ? 0 : config.revision();
  CompiledScorecard card(std::move(config));
  facts::FactCatalogue catalogue;
  {
    const ReadLock read(portfolio_.lock());
    catalogue = portfolio_.catalogue();
  }
  PastScoring scoring(facts_, make_context, card, catalogue, horizon_days);
  PERENNIAL_RETURN_IF_ERROR(scoring.ReadChurns(ToTime(request.as_of(0)), ToTime(*request.as_of().rbegin())));
  BacktestTally tally(card, horizon_days);
  for (const auto& as_of : request.as_of()) {
    PERENNIAL_RETURN_IF_ERROR(
        scoring.VisitAll(ToTime(as_of), request.filter(), [&](const PastScoring::Account& account) {
          tally.Add(card.Evaluate(account.facts, account.context, account.carried), account.days_to_churn);
        }));
  }
  if (tally.churned() < kFewest || tally.accounts() - tally.churned() < kFewest) return TooLittle(tally, horizon_days);
  v1::BacktestScorecardResponse response = tally.Result();
  response.set_scorecard_revision(revision);
  return response;
}

}  // namespace perennial::health
