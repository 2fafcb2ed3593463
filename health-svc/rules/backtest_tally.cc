#include "health-svc/rules/backtest_tally.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "health-svc/rules/intervals.h"

namespace perennial::health {
namespace {

constexpr double kConfidence = 0.95;
constexpr int kDeciles = 10;

void Set(const Interval& interval, v1::Estimate* out) {
  out->set_value(interval.value);
  out->set_low(interval.low);
  out->set_high(interval.high);
}

void SetArea(const RocArea& roc, v1::Estimate* out) {
  Set(NormalShareInterval(roc.area, roc.variance, kConfidence), out);
}

double Share(std::int64_t part, std::int64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

// The median of values that are given by how often each whole number occurs; nothing without any.
std::optional<double> MedianOf(const std::vector<std::int64_t>& counts) {
  const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (total == 0) return std::nullopt;
  const auto at = [&](std::int64_t rank) {
    std::size_t value = 0;
    for (std::int64_t seen = counts[0]; seen <= rank; seen += counts[value]) ++value;
    return static_cast<double>(value);
  };
  return (at((total - 1) / 2) + at(total / 2)) / 2;
}

}  // namespace

BacktestTally::BacktestTally(const CompiledScorecard& scorecard, int horizon_days)
    : scorecard_(scorecard),
      measures_(static_cast<std::size_t>(scorecard.config().measures_size())),
      bands_(static_cast<std::size_t>(scorecard.config().bands_size())),
      lead_days_(static_cast<std::size_t>(horizon_days) + 1) {}

std::size_t BacktestTally::BandOf(double score) const {
  int band = 0;
  while (band + 1 < scorecard_.config().bands_size() && scorecard_.config().bands(band + 1).lower_bound() <= score) {
    ++band;
  }
  return static_cast<std::size_t>(band);
}

void BacktestTally::Add(const Evaluation& evaluation, std::optional<double> days_to_churn) {
  const bool churned = days_to_churn.has_value();
  if (!evaluation.score.has_value()) {
    ++unknown_;
    return;
  }
  for (std::size_t i = 0; i < measures_.size(); ++i) {
    const MeasureOutcome& outcome = evaluation.outcomes[i];
    if (outcome.state == v1::MEASURE_STATE_KNOWN) measures_[i].Add(*outcome.points, churned);
  }
  scores_.Add(*evaluation.score, churned);
  const std::size_t band = BandOf(*evaluation.score);
  ++bands_[band].accounts;
  bands_[band].scores += *evaluation.score;
  if (!churned) return;
  ++bands_[band].churned;
  const auto days = static_cast<std::size_t>(std::max(0.0, std::floor(*days_to_churn)));
  if (band == 0) ++lead_days_[std::min(days, lead_days_.size() - 1)];
}

v1::BacktestScorecardResponse BacktestTally::Result() const {
  v1::BacktestScorecardResponse out;
  out.set_accounts(accounts());
  out.set_churned(churned());
  out.set_unknown(unknown_);
  if (const auto roc = LowScoreRocArea(scores_.Cases())) SetArea(*roc, out.mutable_auc());
  AddDeciles(out);
  AddBands(out);
  AddMeasures(out);
  if (const auto days = MedianOf(lead_days_)) out.set_median_lead_days(*days);
  return out;
}

void BacktestTally::AddDeciles(v1::BacktestScorecardResponse& out) const {
  std::array<v1::ScoreDecile, kDeciles> deciles;
  std::int64_t below = 0;
  for (const TiedCases& tied : scores_.Cases()) {
    const std::int64_t count = tied.positives + tied.negatives;
    // Accounts with the same score stay together, where the middle one of them belongs.
    const double middle =
        (static_cast<double>(below) + static_cast<double>(count) / 2) / static_cast<double>(accounts());
    v1::ScoreDecile& decile =
        deciles[static_cast<std::size_t>(std::min(kDeciles - 1, static_cast<int>(middle * kDeciles)))];
    if (decile.accounts() == 0) decile.set_lowest_score(tied.score);
    decile.set_highest_score(tied.score);
    decile.set_accounts(decile.accounts() + count);
    decile.set_churned(decile.churned() + tied.positives);
    below += count;
  }
  for (int i = 0; i < kDeciles; ++i) {
    v1::ScoreDecile& decile = deciles[static_cast<std::size_t>(i)];
    if (decile.accounts() == 0) continue;
    decile.set_decile(i + 1);
    if (churned() > 0) {
      decile.set_lift(Share(decile.churned(), decile.accounts()) / Share(churned(), accounts()));
    }
    *out.add_deciles() = decile;
  }
}

void BacktestTally::AddBands(v1::BacktestScorecardResponse& out) const {
  std::int64_t accounts_below = 0;
  std::int64_t churned_below = 0;
  for (std::size_t i = 0; i < bands_.size(); ++i) {
    const v1::Band& band = scorecard_.config().bands(static_cast<int>(i));
    if (i > 0) {
      v1::BandEdge* edge = out.add_edges();
      edge->set_band(band.id());
      edge->set_lower_bound(band.lower_bound());
      edge->set_accounts_below(accounts_below);
      if (accounts_below > 0) {
        Set(WilsonInterval(churned_below, accounts_below, kConfidence), edge->mutable_precision());
      }
      if (churned() > 0) Set(WilsonInterval(churned_below, churned(), kConfidence), edge->mutable_recall());
    }
    accounts_below += bands_[i].accounts;
    churned_below += bands_[i].churned;
    v1::BandCalibration* calibration = out.add_calibration();
    calibration->set_band(band.id());
    calibration->set_accounts(bands_[i].accounts);
    calibration->set_churned(bands_[i].churned);
    if (bands_[i].accounts == 0) continue;
    Set(WilsonInterval(bands_[i].churned, bands_[i].accounts, kConfidence), calibration->mutable_churn_rate());
    calibration->set_mean_score(bands_[i].scores / static_cast<double>(bands_[i].accounts));
  }
}

void BacktestTally::AddMeasures(v1::BacktestScorecardResponse& out) const {
  for (std::size_t i = 0; i < measures_.size(); ++i) {
    v1::MeasureBacktest* measure = out.add_measures();
    measure->set_measure(scorecard_.config().measures(static_cast<int>(i)).id());
    measure->set_accounts(measures_[i].total());
    measure->set_churned(measures_[i].positives());
    if (const auto roc = LowScoreRocArea(measures_[i].Cases())) SetArea(*roc, measure->mutable_auc());
  }
}

}  // namespace perennial::health
