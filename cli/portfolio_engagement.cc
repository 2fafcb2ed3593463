#include "cli/portfolio_engagement.h"

#include <algorithm>

namespace perennial::cli {
namespace {

constexpr double kPull = 0.12;
constexpr double kWeeklyNoise = 0.17;
constexpr double kMemory = 0.16;
constexpr double kChampionLeaves = 0.006;
constexpr double kTeamJoins = 0.005;

}  // namespace

Engagement::Engagement(Random* random)
    : home_(0.45 + 0.55 * random->Normal()), level_(home_), value_(home_ + 0.4 * random->Normal()), lately_(value_) {}

void Engagement::Step(Random* random) {
  level_ += 0.015 * (home_ - level_) + 0.05 * random->Normal();
  if (random->Chance(kChampionLeaves)) level_ -= random->Uniform(0.9, 2.2);
  if (random->Chance(kTeamJoins)) level_ += random->Uniform(0.4, 1.2);
  value_ += kPull * (level_ - value_) + kWeeklyNoise * random->Normal();
  value_ = std::clamp(value_, -4.0, 3.0);
  lately_ += kMemory * (value_ - lately_);
}

void Engagement::ComeBack(Random* random) {
  decision_ = -1;
  home_ = level_ = 0.4 + 0.4 * random->Normal();
  value_ = lately_ = home_;
}

double Engagement::At(std::int64_t day) const {
  if (decision_ < 0 || day < decision_) return value_;
  const double share =
      static_cast<double>(day - decision_) / static_cast<double>(std::max<std::int64_t>(1, end_ - decision_));
  return value_ - 0.4 - 1.8 * std::min(1.0, share);
}

}  // namespace perennial::cli
