#include "health-svc/rules/score_mean.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace perennial::health {

ScoreMean::ScoreMean(std::vector<double> group_weights, std::vector<Member> members)
    : group_weights_(std::move(group_weights)), members_(std::move(members)) {
  double all = 0;
  for (const double weight : group_weights_) all += weight;
  std::vector<double> sums(group_weights_.size());
  for (const Member& member : members_) sums[member.group] += member.weight;
  for (const Member& member : members_) {
    coverage_.push_back(group_weights_[member.group] / all * (member.weight / sums[member.group]));
  }
}

// Flags are numbers so that the loops have no branches: adding 0 changes nothing, multiplying by 1 neither.
void ScoreMean::Run(std::size_t count, const std::vector<Column>& columns, const Result& result,
                    std::vector<double>& work) const {
  const std::size_t groups = group_weights_.size();
  work.assign((2 * groups + 2) * count, 0.0);
  double* const counting = work.data();              // by group: weight of its measures that have points
  double* const shares = counting + groups * count;  // by group: its share of the score
  double* const total = shares + groups * count;     // weight of the groups that have any
  double* const any = total + count;                 // how many measures are known
  std::fill_n(result.coverage, count, 0.0);
  std::fill_n(result.score, count, 0.0);
  for (std::size_t m = 0; m < columns.size(); ++m) {
    const Column& column = columns[m];
    double* const group = counting + members_[m].group * count;
    const double weight = members_[m].weight;
    const double covered = coverage_[m];
    for (std::size_t i = 0; i < count; ++i) group[i] += weight * column.counts[i];
    for (std::size_t i = 0; i < count; ++i) result.coverage[i] += covered * column.known[i];
    for (std::size_t i = 0; i < count; ++i) any[i] += column.known[i];
  }
  for (std::size_t g = 0; g < groups; ++g) {
    const double weight = group_weights_[g];
    const double* const group = counting + g * count;
    for (std::size_t i = 0; i < count; ++i) total[i] += group[i] > 0 ? weight : 0.0;
  }
  // A group without points divides by 1 in place of 0; nothing of it is counted.
  for (std::size_t i = 0; i < count; ++i) total[i] = total[i] > 0 ? total[i] : 1.0;
  for (std::size_t g = 0; g < groups; ++g) {
    const double weight = group_weights_[g];
    double* const group = counting + g * count;
    double* const share = shares + g * count;
    for (std::size_t i = 0; i < count; ++i) share[i] = weight / total[i];
    for (std::size_t i = 0; i < count; ++i) group[i] = group[i] > 0 ? group[i] : 1.0;
  }
  for (std::size_t m = 0; m < columns.size(); ++m) {
    const Column& column = columns[m];
    const double* const group = counting + members_[m].group * count;
    const double* const share = shares + members_[m].group * count;
    const double weight = members_[m].weight;
    if (result.weights != nullptr) {
      double* const out = result.weights + m * count;
      for (std::size_t i = 0; i < count; ++i)
        out[i] = any[i] > 0 ? share[i] * (weight / group[i]) * column.counts[i] : 0.0;
    }
    for (std::size_t i = 0; i < count; ++i) {
      result.score[i] += share[i] * (weight / group[i]) * column.counts[i] * column.points[i];
    }
  }
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < count; ++i) {
    result.coverage[i] = std::min(result.coverage[i], 1.0);
    result.score[i] = any[i] > 0 ? std::clamp(result.score[i], 0.0, 100.0) : kUnknown;
  }
}

}  // namespace perennial::health
