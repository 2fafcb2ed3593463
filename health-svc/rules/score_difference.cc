#include "health-svc/rules/score_difference.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

namespace perennial::health {
namespace {

bool SameOverride(const v1::HealthScore& a, const v1::HealthScore& b) {
  if (!a.has_override() && !b.has_override()) return true;
  return google::protobuf::util::MessageDifferencer::Equals(a.override(), b.override());
}

}  // namespace

bool BeginsEntry(const v1::HealthScore& previous, const v1::HealthScore& next) {
  return previous.has_score() != next.has_score() || previous.score() != next.score() ||
         previous.band() != next.band() || previous.coverage() != next.coverage() ||
         previous.scorecard() != next.scorecard() || previous.scorecard_revision() != next.scorecard_revision() ||
         previous.frozen() != next.frozen() || previous.has_override() != next.has_override() ||
         previous.has_computed_score() != next.has_computed_score() ||
         previous.computed_score() != next.computed_score() || !SameOverride(previous, next);
}

bool SameScore(const v1::HealthScore& a, const v1::HealthScore& b) {
  const auto same_measure = [](const v1::MeasureScore& one, const v1::MeasureScore& other) {
    return one.measure() == other.measure() && one.score() == other.score();
  };
  return !BeginsEntry(a, b) && a.has_change_30d() == b.has_change_30d() && a.change_30d() == b.change_30d() &&
         std::equal(a.measures().begin(), a.measures().end(), b.measures().begin(), b.measures().end(), same_measure) &&
         std::equal(a.open_flags().begin(), a.open_flags().end(), b.open_flags().begin(), b.open_flags().end());
}

}  // namespace perennial::health
