#include "health-svc/churn_evaluation.h"

#include <algorithm>
#include <cstdint>

#include "health-svc/rules/intervals.h"

namespace perennial::health {
namespace {

constexpr double kConfidence = 0.95;
constexpr std::size_t kBins = 10;

void Set(const Interval& interval, v1::Estimate* out) {
  out->set_value(interval.value);
  out->set_low(interval.low);
  out->set_high(interval.high);
}

}  // namespace

std::optional<v1::Estimate> AucOf(const std::vector<PredictedRow>& rows) {
  std::vector<std::pair<double, bool>> sorted;
  sorted.reserve(rows.size());
  // Churn is what a low score tells.
  for (const PredictedRow& row : rows) sorted.emplace_back(-row.churn, row.churned);
  std::sort(sorted.begin(), sorted.end());
  std::vector<TiedCases> cases;
  for (const auto& [score, churned] : sorted) {
    if (cases.empty() || cases.back().score != score) cases.push_back({.score = score});
    ++(churned ? cases.back().positives : cases.back().negatives);
  }
  const auto area = LowScoreRocArea(cases);
  if (!area.has_value()) return std::nullopt;
  v1::Estimate out;
  Set(NormalShareInterval(area->area, area->variance, kConfidence), &out);
  return out;
}

v1::ChurnEvaluation EvaluateChurn(std::vector<PredictedRow> rows, double mean_rate) {
  v1::ChurnEvaluation out;
  if (const auto auc = AucOf(rows)) *out.mutable_auc() = *auc;
  std::sort(rows.begin(), rows.end(), [](const PredictedRow& a, const PredictedRow& b) { return a.churn < b.churn; });
  const auto count = static_cast<double>(rows.size());
  std::int64_t churned = 0;
  double squares = 0;
  double squares_of_mean = 0;
  for (const PredictedRow& row : rows) {
    const double y = row.churned ? 1 : 0;
    churned += row.churned ? 1 : 0;
    squares += (row.churn - y) * (row.churn - y);
    squares_of_mean += (mean_rate - y) * (mean_rate - y);
  }
  out.set_rows(static_cast<std::int64_t>(rows.size()));
  out.set_churned(churned);
  out.set_brier(squares / count);
  out.set_brier_of_mean(squares_of_mean / count);
  double top_rate = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const std::size_t begin = bin * rows.size() / kBins;
    const std::size_t end = (bin + 1) * rows.size() / kBins;
    if (begin == end) continue;
    v1::CalibrationBin* told = out.add_calibration();
    std::int64_t left = 0;
    double predicted = 0;
    for (std::size_t i = begin; i < end; ++i) {
      left += rows[i].churned ? 1 : 0;
      predicted += rows[i].churn;
    }
    const auto here = static_cast<std::int64_t>(end - begin);
    told->set_rows(here);
    told->set_predicted(predicted / static_cast<double>(here));
    Set(WilsonInterval(left, here, kConfidence), told->mutable_observed());
    top_rate = told->observed().value();
  }
  if (churned > 0) out.set_top_decile_lift(top_rate / (static_cast<double>(churned) / count));
  return out;
}

}  // namespace perennial::health
