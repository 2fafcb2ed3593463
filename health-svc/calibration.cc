#include "health-svc/calibration.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/churn_evaluation.h"
#include "health-svc/churn_rows.h"
#include "health-svc/configuration.h"
#include "health-svc/past_requests.h"
#include "health-svc/past_scoring.h"
#include "health-svc/value/logistic.h"

namespace perennial::health {
namespace {

// Fewer accounts of either kind say nothing.
constexpr std::size_t kFewest = 10;
constexpr std::size_t kFewestInHoldout = 2;
// Share of accounts that the weights are not fitted on.
constexpr double kHoldout = 0.25;
// Rows that weights are fitted on at most: bounds memory and time.
constexpr std::size_t kMostRows = 50'000;
// A measure keeps at least this share: a scorecard has no weights of 0.
constexpr double kLeastShare = 1e-4;
// Sums of coefficients, in log odds a point, between which the fit is looked for.
constexpr double kLeastScale = 1e-6;
constexpr double kMostScale = 10;

// Bounds by measure of the scorecard.
std::vector<ShareBounds> BoundsOf(const v1::CalibrateScorecardRequest& request, const v1::Scorecard& card,
                                  BadRequest& bad) {
  std::map<std::string, std::size_t> places;
  for (int m = 0; m < card.measures_size(); ++m) places[card.measures(m).id()] = static_cast<std::size_t>(m);
  std::vector<ShareBounds> out(places.size(), {.least = kLeastShare});
  std::vector<bool> named(places.size());
  for (int i = 0; i < request.bounds_size(); ++i) {
    const v1::WeightBound& bound = request.bounds(i);
    const std::string at = absl::StrCat("bounds[", i, "].");
    const auto place = places.find(bound.measure());
    const double most = bound.max_share() == 0 ? 1 : bound.max_share();
    if (place == places.end()) {
      bad.Add(at + "measure", "is no measure of the scorecard");
    } else if (named[place->second]) {
      bad.Add(at + "measure", "is named twice");
    }
    if (!(bound.min_share() >= 0 && bound.min_share() <= 1)) bad.Add(at + "min_share", "must be 0 to 1");
    if (!(most >= bound.min_share() && most <= 1)) bad.Add(at + "max_share", "must be min_share to 1, or 0 for 1");
    if (!bad.empty() || place == places.end()) continue;
    named[place->second] = true;
    out[place->second] = {.least = std::max(kLeastShare, bound.min_share()), .most = std::max(kLeastShare, most)};
  }
  double least = 0;
  double most = 0;
  for (const ShareBounds& bounds : out) {
    least += bounds.least;
    most += bounds.most;
  }
  if (bad.empty() && least > 1) bad.Add("bounds", "leave no room: the least shares add up to more than 1");
  if (bad.empty() && most < 1) bad.Add("bounds", "leave no room: the greatest shares add up to less than 1");
  return out;
}

std::vector<double> SharesOf(const v1::Scorecard& card) {
  std::map<std::string, double> of_group;
  for (const v1::Measure& measure : card.measures()) of_group[measure.group()] += measure.weight();
  double all = 0;
  std::map<std::string, double> groups;
  for (const v1::MeasureGroup& group : card.groups()) {
    if (!of_group.contains(group.id())) continue;
    groups[group.id()] = group.weight();
    all += group.weight();
  }
  std::vector<double> shares;
  for (const v1::Measure& measure : card.measures()) {
    shares.push_back(groups[measure.group()] / all * measure.weight() / of_group[measure.group()]);
  }
  return shares;
}

v1::Scorecard WithShares(v1::Scorecard card, const std::vector<double>& shares) {
  std::map<std::string, double> of_group;
  for (int m = 0; m < card.measures_size(); ++m) {
    const double share = shares[static_cast<std::size_t>(m)];
    of_group[card.measures(m).group()] += share;
    card.mutable_measures(m)->set_weight(100 * share);
  }
  for (v1::MeasureGroup& group : *card.mutable_groups()) {
    const auto share = of_group.find(group.id());
    if (share != of_group.end()) group.set_weight(100 * share->second);
  }
  return card;
}

// Points of measures as of dates; NaN where nothing counts.
struct Points {
  std::vector<std::vector<double>> rows = {};
  std::vector<double> fractions = {};
  std::vector<bool> churned = {};
  std::vector<std::int64_t> known = {};  // by measure
  std::int64_t seen = 0;
  double share = 1;

  void Add(const std::string& account, const Evaluation& evaluation, bool left) {
    ++seen;
    known.resize(evaluation.points.size());
    std::vector<double> row;
    for (std::size_t m = 0; m < evaluation.points.size(); ++m) {
      if (evaluation.outcomes[m].points.has_value()) ++known[m];
      row.push_back(evaluation.points[m].value_or(std::nan("")));
    }
    const double fraction = FractionOf(account, "sample");
    if (fraction >= share) return;
    rows.push_back(std::move(row));
    fractions.push_back(fraction);
    churned.push_back(left);
    if (rows.size() > kMostRows) Thin();
  }
  void Thin() {
    share /= 2;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (fractions[i] >= share) continue;
      rows[kept] = std::move(rows[i]);
      fractions[kept] = fractions[i];
      churned[kept++] = churned[i];
    }
    rows.resize(kept);
    fractions.resize(kept);
    churned.resize(kept);
  }
};

// Shares by which points tell churn best. The coefficients of a logistic regression of churn on lost points are kept
// between the bounds times their sum, which is looked for by halving: where it is what the coefficients add up to.
absl::StatusOr<std::vector<double>> FitShares(const Points& points, const std::vector<ShareBounds>& bounds,
                                              const std::vector<double>& present, absl::Time deadline) {
  const auto columns = static_cast<Eigen::Index>(bounds.size());
  Eigen::MatrixXd lost(static_cast<Eigen::Index>(points.rows.size()), columns);
  Eigen::VectorXd outcomes(lost.rows());
  for (Eigen::Index j = 0; j < columns; ++j) {
    double sum = 0;
    double count = 0;
    for (const auto& row : points.rows) {
      const double x = row[static_cast<std::size_t>(j)];
      if (std::isnan(x)) continue;
      sum += x;
      count += 1;
    }
    const double mean = count > 0 ? sum / count : 0;
    for (Eigen::Index i = 0; i < lost.rows(); ++i) {
      const double x = points.rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
      lost(i, j) = std::isnan(x) ? 0 : mean - x;
    }
  }
  for (Eigen::Index i = 0; i < lost.rows(); ++i) outcomes(i) = points.churned[static_cast<std::size_t>(i)] ? 1 : 0;
  Eigen::VectorXd best;
  const auto excess = [&](double scale) -> absl::StatusOr<double> {
    value::LogisticOptions options{.deadline = deadline};
    for (const ShareBounds& bound : bounds) options.bounds.emplace_back(scale * bound.least, scale * bound.most);
    PERENNIAL_ASSIGN_OR_RETURN(const value::LogisticModel model, value::FitLogistic(lost, outcomes, options));
    best = model.coefficients;
    return best.sum() - scale;
  };
  double low = std::log(kLeastScale);
  double high = std::log(kMostScale);
  PERENNIAL_ASSIGN_OR_RETURN(const double at_least, excess(std::exp(low)));
  // Not even the least weights help: nothing speaks for others than the present ones.
  if (at_least <= 0) return WithinBounds(present, bounds);
  for (int step = 0; step < 40; ++step) {
    const double middle = (low + high) / 2;
    PERENNIAL_ASSIGN_OR_RETURN(const double over, excess(std::exp(middle)));
    (over > 0 ? low : high) = middle;
  }
  const double sum = best.sum();
  if (!(sum > 0)) return WithinBounds(present, bounds);
  std::vector<double> shares(best.data(), best.data() + best.size());
  for (double& share : shares) share /= sum;
  return WithinBounds(shares, bounds);
}

void SetIfKnown(const std::optional<v1::Estimate>& from, v1::Estimate* out) {
  if (from.has_value()) *out = *from;
}

absl::Status TooLittle(std::size_t churned, std::size_t stayed, absl::string_view what) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat("of the accounts ", what, ", ", churned, " churned and ", stayed,
                                                 " stayed; take more or other dates, a longer horizon, or import more "
                                                 "history")),
      "TOO_LITTLE_HISTORY");
}

}  // namespace

std::vector<double> WithinBounds(const std::vector<double>& shares, const std::vector<ShareBounds>& bounds) {
  const auto shifted = [&](double by) {
    std::vector<double> out(shares.size());
    for (std::size_t i = 0; i < shares.size(); ++i) {
      out[i] = std::clamp(shares[i] + by, bounds[i].least, bounds[i].most);
    }
    return out;
  };
  double low = -2;
  double high = 2;
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    double sum = 0;
    for (const double share : shifted(middle)) sum += share;
    (sum < 1 ? low : high) = middle;
  }
  return shifted(high);
}

absl::StatusOr<v1::CalibrateScorecardResponse> Calibration::Run(const v1::CalibrateScorecardRequest& request,
                                                                const PastFacts::MakeContext& make_context,
                                                                absl::Time deadline) const {
  BadRequest bad;
  PERENNIAL_RETURN_IF_ERROR(CheckPastScoring(request, library_, clock_.Now(), bad));
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  PERENNIAL_ASSIGN_OR_RETURN(const v1::Scorecard config, FindScorecardOrDraft(request, library_));
  const std::vector<ShareBounds> bounds = BoundsOf(request, config, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  CompiledScorecard card(config);
  facts::FactCatalogue catalogue;
  {
    const ReadLock read(portfolio_.lock());
    catalogue = portfolio_.catalogue();
  }
  PastScoring scoring(facts_, make_context, card, catalogue, ScoringHorizonOf(request));
  PERENNIAL_RETURN_IF_ERROR(scoring.ReadChurns(ToTime(request.as_of(0)), ToTime(*request.as_of().rbegin())));
  const auto visit_all = [&](const PastScoring::Visit& visit) -> absl::Status {
    for (const auto& as_of : request.as_of()) {
      PERENNIAL_RETURN_IF_ERROR(scoring.VisitAll(ToTime(as_of), request.filter(), visit));
    }
    return absl::OkStatus();
  };
  const auto held_out = [](const std::string& account) { return FractionOf(account, "fold") < kHoldout; };
  Points points;
  PERENNIAL_RETURN_IF_ERROR(visit_all([&](const PastScoring::Account& account) {
    if (held_out(account.id)) return;
    points.Add(account.id, card.Evaluate(account.facts, account.context, account.carried),
               account.days_to_churn.has_value());
  }));
  const auto churned = static_cast<std::size_t>(std::count(points.churned.begin(), points.churned.end(), true));
  if (churned < kFewest || points.rows.size() - churned < kFewest) {
    return TooLittle(churned, points.rows.size() - churned, "that weights would be fitted on");
  }
  const std::vector<double> present = SharesOf(config);
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<double> shares, FitShares(points, bounds, present, deadline));
  v1::CalibrateScorecardResponse response;
  *response.mutable_scorecard() = DefinitionOf(WithShares(config, shares));
  CompiledScorecard proposed(WithShares(config, shares));
  std::vector<PredictedRow> by_present;
  std::vector<PredictedRow> by_proposed;
  std::size_t resolved_at = 0;
  PERENNIAL_RETURN_IF_ERROR(visit_all([&](const PastScoring::Account& account) {
    if (!held_out(account.id) || by_present.size() >= kMostRows) return;
    if (std::exchange(resolved_at, catalogue.size()) != catalogue.size()) (void)proposed.Resolve(catalogue);
    const auto before = card.Evaluate(account.facts, account.context, account.carried).score;
    const auto after = proposed.Evaluate(account.facts, account.context, account.carried).score;
    if (!before.has_value() || !after.has_value()) return;
    by_present.push_back({.churn = -*before, .churned = account.days_to_churn.has_value()});
    by_proposed.push_back({.churn = -*after, .churned = account.days_to_churn.has_value()});
  }));
  const auto left = static_cast<std::size_t>(
      std::count_if(by_present.begin(), by_present.end(), [](const PredictedRow& row) { return row.churned; }));
  if (left < kFewestInHoldout || by_present.size() - left < kFewestInHoldout) {
    return TooLittle(left, by_present.size() - left, "that they would be tested on");
  }
  for (int m = 0; m < config.measures_size(); ++m) {
    const auto at = static_cast<std::size_t>(m);
    v1::CalibratedWeight* weight = response.add_weights();
    weight->set_measure(config.measures(m).id());
    weight->set_present_share(present[at]);
    weight->set_proposed_share(shares[at]);
    weight->set_coverage(static_cast<double>(points.known[at]) / static_cast<double>(points.seen));
  }
  SetIfKnown(AucOf(by_present), response.mutable_present_auc());
  SetIfKnown(AucOf(by_proposed), response.mutable_proposed_auc());
  response.set_rows(static_cast<std::int64_t>(points.rows.size()));
  response.set_churned(static_cast<std::int64_t>(churned));
  response.set_holdout_rows(static_cast<std::int64_t>(by_present.size()));
  response.set_holdout_churned(static_cast<std::int64_t>(left));
  return response;
}

}  // namespace perennial::health
