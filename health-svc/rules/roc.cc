#include "health-svc/rules/roc.h"

#include <algorithm>
#include <cmath>

namespace perennial::health {
namespace {

constexpr double kStepsAPoint = 1000;
constexpr std::size_t kSteps = 100'001;

}  // namespace

std::optional<RocArea> LowScoreRocArea(const std::vector<TiedCases>& cases) {
  std::int64_t positives = 0;
  std::int64_t negatives = 0;
  for (const TiedCases& tied : cases) {
    positives += tied.positives;
    negatives += tied.negatives;
  }
  if (positives < 2 || negatives < 2) return std::nullopt;
  const auto m = static_cast<double>(positives);
  const auto n = static_cast<double>(negatives);
  // Of a positive: the share of negatives above it. Of a negative: the share of positives below it. Ties count half.
  const auto visit = [&](auto body) {
    std::int64_t positives_below = 0;
    std::int64_t negatives_below = 0;
    for (const TiedCases& tied : cases) {
      const double above = (static_cast<double>(negatives - negatives_below - tied.negatives) +
                            0.5 * static_cast<double>(tied.negatives)) /
                           n;
      const double below = (static_cast<double>(positives_below) + 0.5 * static_cast<double>(tied.positives)) / m;
      body(tied, above, below);
      positives_below += tied.positives;
      negatives_below += tied.negatives;
    }
  };
  RocArea out;
  visit([&](const TiedCases& tied, double above, double) { out.area += static_cast<double>(tied.positives) * above; });
  out.area /= m;
  double of_positives = 0;
  double of_negatives = 0;
  visit([&](const TiedCases& tied, double above, double below) {
    of_positives += static_cast<double>(tied.positives) * (above - out.area) * (above - out.area);
    of_negatives += static_cast<double>(tied.negatives) * (below - out.area) * (below - out.area);
  });
  out.variance = of_positives / (m - 1) / m + of_negatives / (n - 1) / n;
  return out;
}

ScoreCounts::ScoreCounts() : counts_(kSteps) {}

void ScoreCounts::Add(double score, bool positive) {
  const auto step = static_cast<std::size_t>(std::lround(std::clamp(score, 0.0, 100.0) * kStepsAPoint));
  ++(positive ? counts_[step].positives : counts_[step].negatives);
  positives_ += positive ? 1 : 0;
  ++total_;
}

std::vector<TiedCases> ScoreCounts::Cases() const {
  std::vector<TiedCases> out;
  for (std::size_t step = 0; step < counts_.size(); ++step) {
    if (counts_[step].positives == 0 && counts_[step].negatives == 0) continue;
    out.push_back({.score = static_cast<double>(step) / kStepsAPoint,
                   .positives = counts_[step].positives,
                   .negatives = counts_[step].negatives});
  }
  return out;
}

}  // namespace perennial::health
