#include "health-svc/backtest.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/assessment.h"
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

// One back-test.
class BacktestRun {
 public:
  BacktestRun(const PastFacts& facts, const PastFacts::MakeContext& make_context, CompiledScorecard& card,
              facts::FactCatalogue& catalogue, int horizon_days)
      : facts_(facts),
        make_context_(make_context),
        card_(card),
        catalogue_(catalogue),
        horizon_(absl::Hours(24) * horizon_days),
        tally_(card, horizon_days) {}

  absl::Status ReadChurns(absl::Time first, absl::Time last) {
    return facts_.VisitChurns(first, last + horizon_ + absl::Microseconds(1), make_context_,
                              [&](const std::string& account, absl::Time time) { churns_[account].push_back(time); });
  }

  absl::Status Score(absl::Time as_of, const std::string& filter) {
    PERENNIAL_RETURN_IF_ERROR(ReadCarried(as_of));
    return facts_.VisitAllAsOf(
        as_of, filter, make_context_, catalogue_,
        [&](const std::string& account, const facts::FactRow& row) { Add(as_of, account, row); });
  }

  [[nodiscard]] const BacktestTally& tally() const { return tally_; }

 private:
  void Resolve() {
    if (resolved_at_ == catalogue_.size()) return;
    resolved_at_ = catalogue_.size();
    (void)card_.Resolve(catalogue_);
    mrr_ = catalogue_.Find("mrr");
  }

  void Add(absl::Time as_of, const std::string& account, const facts::FactRow& row) {
    Resolve();
    const filter::EvaluationContext context{.now = as_of};
    const bool pays = mrr_.has_value() && row.Number(*mrr_).value_or(0) > 0 && !HasChurned(catalogue_, row);
    if (!pays || !card_.AppliesTo(row, context)) return;
    const auto carried = carried_.find(account);
    const Evaluation evaluation = card_.Evaluate(row, context, carried == carried_.end() ? nullptr : &carried->second);
    tally_.Add(evaluation, DaysToChurn(account, as_of));
  }

  [[nodiscard]] std::optional<double> DaysToChurn(const std::string& account, absl::Time as_of) const {
    const auto found = churns_.find(account);
    if (found == churns_.end()) return std::nullopt;
    for (const absl::Time time : found->second) {
      if (time > as_of && time <= as_of + horizon_) return absl::ToDoubleHours(time - as_of) / 24;
    }
    return std::nullopt;
  }

  // What carrying measures count as of a moment: the values of the days before it, the newest first.
  absl::Status ReadCarried(absl::Time as_of) {
    carried_.clear();
    Resolve();
    std::vector<CarrySpec> specs;
    card_.AddCarrySpecs(specs);
    std::int64_t longest = 0;
    for (const CarrySpec& spec : specs) longest = std::max(longest, spec.days);
    const std::int64_t today = DayOf(as_of);
    for (std::int64_t back = 1; back <= longest; ++back) {
      const auto keep = [&](const std::string& account, const facts::FactRow& row) {
        for (const CarrySpec& spec : specs) {
          CarriedFacts& known = carried_[account];
          if (back > spec.days || FindCarried(&known, spec.name, spec.max_age_days) != nullptr) continue;
          std::optional<facts::FactValue> value = FreshValue(spec, row);
          if (!value.has_value()) continue;
          known.push_back({.name = spec.name,
                           .max_age_days = spec.max_age_days,
                           .value = std::move(value),
                           .day = today - back,
                           .checked = today - 1});
        }
      };
      PERENNIAL_RETURN_IF_ERROR(facts_.VisitAllAsOf(StartOfDay(today - back + 1) - absl::Microseconds(1), "",
                                                    make_context_, catalogue_, keep));
    }
    return absl::OkStatus();
  }

  const PastFacts& facts_;
  const PastFacts::MakeContext& make_context_;
  CompiledScorecard& card_;
  facts::FactCatalogue& catalogue_;
  const absl::Duration horizon_;
  BacktestTally tally_;
  absl::flat_hash_map<std::string, std::vector<absl::Time>> churns_;  // by time
  absl::flat_hash_map<std::string, CarriedFacts> carried_;
  std::optional<facts::FactId> mrr_;
  std::size_t resolved_at_ = static_cast<std::size_t>(-1);
};

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
  BacktestRun run(facts_, make_context, card, catalogue, horizon_days);
  PERENNIAL_RETURN_IF_ERROR(run.ReadChurns(ToTime(request.as_of(0)), ToTime(*request.as_of().rbegin())));
  for (const auto& as_of : request.as_of()) {
    PERENNIAL_RETURN_IF_ERROR(run.Score(ToTime(as_of), request.filter()));
  }
  const BacktestTally& tally = run.tally();
  if (tally.churned() < kFewest || tally.accounts() - tally.churned() < kFewest) return TooLittle(tally, horizon_days);
  v1::BacktestScorecardResponse response = tally.Result();
  response.set_scorecard_revision(revision);
  return response;
}

}  // namespace perennial::health
