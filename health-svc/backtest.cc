#include "health-svc/backtest.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/past_requests.h"
#include "health-svc/past_scoring.h"
#include "health-svc/rules/backtest_tally.h"

namespace perennial::health {
namespace {

// Fewer accounts of either kind say nothing.
constexpr std::int64_t kFewest = 10;

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
  BadRequest bad;
  PERENNIAL_RETURN_IF_ERROR(CheckPastScoring(request, library_, clock_.Now(), bad));
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const int horizon_days = ScoringHorizonOf(request);
  PERENNIAL_ASSIGN_OR_RETURN(v1::Scorecard config, FindScorecardOrDraft(request, library_));
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
