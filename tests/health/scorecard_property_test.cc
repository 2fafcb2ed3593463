#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "health-svc/rules/explanation.h"
#include "health-svc/rules/scorecard.h"
#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

constexpr int kFacts = 12;

// Scorecards and accounts at random, the same for the same seed.
class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}
  double Number(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  int Int(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool Coin(double probability) { return Number(0, 1) < probability; }

  void FillCurve(bool monotone, v1::Curve* curve) {
    const int points = Int(2, 6);
    double value = Number(-50, 0);
    double score = Number(0, 30);
    const int kind = Int(0, monotone ? 1 : 2);
    for (int i = 0; i < points; ++i) {
      v1::CurvePoint* point = kind == 0   ? curve->mutable_tiers()->add_tiers()
                              : kind == 1 ? curve->mutable_linear()->add_points()
                                          : curve->mutable_linear_bounded()->add_points();
      point->set_value(value);
      point->set_score(score);
      value += Number(0.5, 60);
      score = monotone ? std::min(100.0, score + Number(0, 30)) : Number(0, 100);
    }
  }

  v1::ScorecardSet Set(bool monotone, bool only_redistribute, bool exceptions) {
    v1::ScorecardSet set;
    v1::Scorecard* card = set.add_scorecards();
    card->set_id("card");
    card->set_revision(1);
    const int groups = Int(1, 4);
    for (int g = 0; g < groups; ++g) AddGroup(card, g);
    const int measures = Int(groups, kFacts);
    for (int m = 0; m < measures; ++m) {
      v1::Measure* measure = card->add_measures();
      measure->set_id(absl::StrCat("m", m));
      measure->set_group(absl::StrCat("g", m < groups ? m : Int(0, groups - 1)));
      measure->set_fact(absl::StrCat("f", m));
      measure->set_weight(Number(0.001, 100));
      measure->set_missing(only_redistribute ? v1::MISSING_POLICY_REDISTRIBUTE
                                             : static_cast<v1::MissingPolicy>(Int(1, 3)));
      FillCurve(monotone, measure->mutable_curve());
    }
    for (int e = 0; exceptions && e < Int(0, 3); ++e) {
      v1::ScoreException* exception = card->add_exceptions();
      exception->set_id(absl::StrCat("e", e));
      exception->set_filter(absl::StrCat("f", e, " > ", Int(0, 50)));
      if (Coin(0.5)) {
        exception->set_cap(Number(0, 100));
      } else {
        exception->set_floor(Number(0, 100));
      }
    }
    card->add_bands()->set_id("red");
    return set;
  }

  facts::FactRow Row(double known) {
    facts::FactRow row;
    for (facts::FactId fact = 0; fact < kFacts; ++fact) {
      if (Coin(known)) row.SetNumber(fact, Number(-100, 200));
    }
    return row;
  }

 private:
  void AddGroup(v1::Scorecard* card, int number) {
    v1::MeasureGroup* group = card->add_groups();
    group->set_id(absl::StrCat("g", number));
    group->set_weight(Number(0.001, 100));
  }
  std::mt19937 random_;
};

facts::FactCatalogue Catalogue() {
  facts::FactCatalogue catalogue;
  for (int i = 0; i < kFacts; ++i) {
    EXPECT_TRUE(catalogue.Add({.name = absl::StrCat("f", i), .type = facts::FactType::kNumber}).ok());
  }
  return catalogue;
}

class ScorecardPropertyTest : public ::testing::TestWithParam<unsigned> {
 protected:
  const facts::FactCatalogue catalogue_ = Catalogue();
  Chance chance_{GetParam()};
};

TEST_P(ScorecardPropertyTest, ContributionsAddUpToTheComputedScore) {
  int known = 0;
  for (int round = 0; round < 200; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set(false, false, true), catalogue_);
    const facts::FactRow row = chance_.Row(chance_.Number(0, 1));
    const Evaluation evaluation = scorecards.Evaluate(row, AnyTime());
    const v1::HealthScoreExplanation explanation = Explain(evaluation, row, catalogue_);
    double contributions = 0;
    double weights = 0;
    for (const v1::MeasureExplanation& measure : explanation.measures()) {
      contributions += measure.contribution();
      weights += measure.effective_weight();
    }
    ASSERT_EQ(explanation.has_computed_score(), evaluation.score.has_value());
    if (!explanation.has_computed_score()) continue;
    ++known;
    ASSERT_NEAR(contributions, explanation.computed_score(), 1e-9);
    ASSERT_NEAR(weights, 1, 1e-9);
    const double before =
        explanation.exceptions().empty() ? *evaluation.score : explanation.exceptions(0).score_before();
    ASSERT_NEAR(before, explanation.computed_score(), 1e-9);
  }
  EXPECT_GT(known, 100);
}

TEST_P(ScorecardPropertyTest, ScoresAndCoverageStayWithinTheirRanges) {
  for (int round = 0; round < 200; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set(false, false, true), catalogue_);
    const Evaluation evaluation = scorecards.Evaluate(chance_.Row(chance_.Number(0, 1)), AnyTime());
    ASSERT_GE(evaluation.coverage, 0);
    ASSERT_LE(evaluation.coverage, 1);
    const bool any_known = std::any_of(evaluation.outcomes.begin(), evaluation.outcomes.end(),
                                       [](const auto& outcome) { return outcome.state == v1::MEASURE_STATE_KNOWN; });
    ASSERT_EQ(evaluation.score.has_value(), any_known);
    if (!any_known) continue;
    ASSERT_GE(*evaluation.score, 0);
    ASSERT_LE(*evaluation.score, 100);
  }
}

TEST_P(ScorecardPropertyTest, RedistributionStaysWithinTheKnownMeasures) {
  for (int round = 0; round < 200; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set(false, true, false), catalogue_);
    const Evaluation evaluation = scorecards.Evaluate(chance_.Row(0.5), AnyTime());
    if (!evaluation.score.has_value()) continue;
    double lowest = 100;
    double highest = 0;
    for (const auto& outcome : evaluation.outcomes) {
      if (!outcome.points.has_value()) continue;
      lowest = std::min(lowest, *outcome.points);
      highest = std::max(highest, *outcome.points);
    }
    ASSERT_GE(*evaluation.score, lowest - 1e-9);
    ASSERT_LE(*evaluation.score, highest + 1e-9);
  }
}

TEST_P(ScorecardPropertyTest, ABetterFactNeverLowersAScoreOfRisingCurves) {
  for (int round = 0; round < 200; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set(true, false, false), catalogue_);
    facts::FactRow row = chance_.Row(0.8);
    const auto fact = static_cast<facts::FactId>(chance_.Int(0, kFacts - 1));
    row.SetNumber(fact, chance_.Number(-100, 100));
    const Evaluation before = scorecards.Evaluate(row, AnyTime());
    row.SetNumber(fact, *row.Number(fact) + chance_.Number(0, 100));
    const Evaluation after = scorecards.Evaluate(row, AnyTime());
    ASSERT_EQ(before.score.has_value(), after.score.has_value());
    if (!before.score.has_value()) continue;
    ASSERT_GE(*after.score, *before.score - 1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ScorecardPropertyTest, ::testing::Values(1, 2, 3, 4, 5));

}  // namespace
}  // namespace perennial::health
