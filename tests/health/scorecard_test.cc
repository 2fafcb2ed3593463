#include "health-svc/rules/scorecard.h"

#include <gtest/gtest.h>

#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

class ScorecardTest : public ::testing::Test {
 protected:
  // Scores one account whose catalogue knows `values` and `known`.
  Evaluation Score(const v1::ScorecardSet& set, const FactMap& values, const FactMap& known = {}) {
    (void)facts_.Row(known);
    const facts::FactRow row = facts_.Row(values);
    scorecards_ = Compiled(set, facts_.catalogue());
    return scorecards_.Evaluate(row, AnyTime());
  }
  RuleFacts facts_;
  Scorecards scorecards_;
};

TEST_F(ScorecardTest, GivesTheWeightedMeanOfTheFirstReferenceVector) {
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 20) + Plain("b", "g", 15) + Plain("c", "g", 22));
  EXPECT_NEAR(*Score(set, {{"a", 47.0}, {"b", 59.0}, {"c", 21.0}}).score, 40.1228, 0.00005);
}

TEST_F(ScorecardTest, GivesTwoThirdsForTwoHealthyMeasuresOfThree) {
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 5) + Plain("b", "g", 5) + Plain("c", "g", 5));
  EXPECT_NEAR(*Score(set, {{"a", 100.0}, {"b", 100.0}, {"c", 0.0}}).score, 66.67, 0.005);
}

const char* const kTwoGroups = "groups { id: 'ga' weight: 60 } groups { id: 'gb' weight: 40 } ";

TEST_F(ScorecardTest, RedistributesWithinTheGroupFirst) {
  const auto set = CardOf(kTwoGroups + Plain("a1", "ga", 50) + Plain("a2", "ga", 50) + Plain("b", "gb", 1));
  const Evaluation evaluation = Score(set, {{"a2", 80.0}, {"b", 30.0}}, {{"a1", 0.0}});
  EXPECT_DOUBLE_EQ(*evaluation.score, 60);
  EXPECT_DOUBLE_EQ(evaluation.coverage, 0.7);
}

TEST_F(ScorecardTest, RedistributesAnEmptyGroupToTheOthers) {
  const auto set = CardOf(kTwoGroups + Plain("a1", "ga", 50) + Plain("a2", "ga", 50) + Plain("b", "gb", 1));
  const Evaluation evaluation = Score(set, {{"a2", 80.0}}, {{"a1", 0.0}, {"b", 0.0}});
  EXPECT_DOUBLE_EQ(*evaluation.score, 80);
  EXPECT_DOUBLE_EQ(evaluation.coverage, 0.3);
}

TEST_F(ScorecardTest, IsUnknownAndNotZeroWhenNothingIsKnown) {
  const auto set =
      CardOf(Group("g", 1) + Plain("a", "g", 1) + Plain("b", "g", 1, "ZERO") + Plain("c", "g", 1, "NEUTRAL"));
  const Evaluation evaluation = Score(set, {}, {{"a", 0.0}, {"b", 0.0}, {"c", 0.0}});
  EXPECT_EQ(evaluation.score, std::nullopt);
  EXPECT_EQ(evaluation.coverage, 0);
}

TEST_F(ScorecardTest, CountsAMissingMeasureAsFiftyWhenNeutral) {
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 1) + Plain("b", "g", 1, "NEUTRAL"));
  const Evaluation evaluation = Score(set, {{"a", 100.0}}, {{"b", 0.0}});
  EXPECT_DOUBLE_EQ(*evaluation.score, 75);
  EXPECT_DOUBLE_EQ(evaluation.coverage, 0.5);
}

TEST_F(ScorecardTest, CountsAMissingMeasureAsZeroWhenSaidSo) {
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 1) + Plain("b", "g", 3, "ZERO"));
  const Evaluation evaluation = Score(set, {{"a", 100.0}}, {{"b", 0.0}});
  EXPECT_DOUBLE_EQ(*evaluation.score, 25);
  EXPECT_DOUBLE_EQ(evaluation.coverage, 0.25);
}

TEST_F(ScorecardTest, KeepsAGroupWhoseMeasuresAreAllNeutral) {
  const auto set = CardOf(kTwoGroups + Plain("a", "ga", 1, "NEUTRAL") + Plain("b", "gb", 1));
  EXPECT_DOUBLE_EQ(*Score(set, {{"b", 100.0}}, {{"a", 0.0}}).score, 0.6 * 50 + 0.4 * 100);
}

TEST_F(ScorecardTest, TreatsAValueOlderThanTheMaximumAgeAsMissing) {
  facts_.Id("a", facts::FactType::kNumber, "a_age");
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 1, "REDISTRIBUTE", "max_age_days: 30") + Plain("b", "g", 1));
  EXPECT_DOUBLE_EQ(*Score(set, {{"a", 0.0}, {"a_age", 30.0}, {"b", 100.0}}).score, 50);
  const Evaluation stale = Score(set, {{"a", 0.0}, {"a_age", 31.0}, {"b", 100.0}});
  EXPECT_DOUBLE_EQ(*stale.score, 100);
  EXPECT_EQ(stale.outcomes[0].state, v1::MEASURE_STATE_STALE);
  EXPECT_DOUBLE_EQ(stale.coverage, 0.5);
}

TEST_F(ScorecardTest, TreatsAValueOfUnknownAgeAsStale) {
  facts_.Id("a", facts::FactType::kNumber, "a_age");
  facts_.Id("a_age", facts::FactType::kNumber);
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 1, "REDISTRIBUTE", "max_age_days: 30") + Plain("b", "g", 1));
  EXPECT_EQ(Score(set, {{"a", 0.0}, {"b", 100.0}}).outcomes[0].state, v1::MEASURE_STATE_STALE);
}

TEST_F(ScorecardTest, LeavesAMeasureUnknownWhoseFactHasAnotherType) {
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 1) + Plain("b", "g", 1));
  const Evaluation evaluation = Score(set, {{"a", std::string("high")}, {"b", 40.0}});
  EXPECT_EQ(evaluation.outcomes[0].state, v1::MEASURE_STATE_UNKNOWN);
  EXPECT_DOUBLE_EQ(*evaluation.score, 40);
}

TEST_F(ScorecardTest, UsesTheFirstVariantThatMatches) {
  const std::string variants =
      "variants { filter: 'tenure_days < 60' curve { tiers { tiers { value: 0 score: 90 } } } } "
      "variants { filter: 'tenure_days < 90' curve { tiers { tiers { value: 0 score: 70 } } } }";
  const auto set = CardOf(Group("g", 1) + Plain("seats", "g", 1, "REDISTRIBUTE", variants));
  EXPECT_DOUBLE_EQ(*Score(set, {{"seats", 40.0}, {"tenure_days", 30.0}}).score, 90);
  EXPECT_DOUBLE_EQ(*Score(set, {{"seats", 40.0}, {"tenure_days", 70.0}}).score, 70);
  EXPECT_DOUBLE_EQ(*Score(set, {{"seats", 40.0}, {"tenure_days", 240.0}}).score, 40);
  EXPECT_DOUBLE_EQ(*Score(set, {{"seats", 40.0}}).score, 40) << "an unknown tenure matches no variant";
}

TEST_F(ScorecardTest, AppliesExceptionsInOrder) {
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 1) +
                          "exceptions { id: 'cap' filter: 'urgent > 0' cap: 40 reason: 'open urgent ticket' } "
                          "exceptions { id: 'floor' filter: 'vip = true' floor: 60 } "
                          "exceptions { id: 'set' filter: 'test = true' set: 1 }");
  EXPECT_DOUBLE_EQ(*Score(set, {{"a", 90.0}, {"urgent", 1.0}, {"vip", false}, {"test", false}}).score, 40);
  const Evaluation both = Score(set, {{"a", 90.0}, {"urgent", 1.0}, {"vip", true}, {"test", false}});
  EXPECT_DOUBLE_EQ(*both.score, 60);
  ASSERT_EQ(both.effects.size(), 2U);
  EXPECT_DOUBLE_EQ(both.effects[0].before, 90);
  EXPECT_DOUBLE_EQ(both.effects[0].after, 40);
  EXPECT_DOUBLE_EQ(both.effects[1].before, 40);
  EXPECT_DOUBLE_EQ(*both.computed, 90);
  EXPECT_DOUBLE_EQ(*Score(set, {{"a", 90.0}, {"test", true}}).score, 1);
}

TEST_F(ScorecardTest, DoesNotNameAnExceptionThatChangedNothing) {
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 1) + "exceptions { id: 'cap' filter: 'urgent > 0' cap: 40 }");
  EXPECT_TRUE(Score(set, {{"a", 30.0}, {"urgent", 1.0}}).effects.empty());
}

TEST_F(ScorecardTest, DoesNotMakeAnUnknownScoreKnownByAnException) {
  const auto set =
      CardOf(Group("g", 1) + Plain("a", "g", 1) + "exceptions { id: 'floor' filter: 'vip = true' floor: 60 }");
  EXPECT_EQ(Score(set, {{"vip", true}}, {{"a", 0.0}}).score, std::nullopt);
}

TEST_F(ScorecardTest, DecidesBandsOnTheUnroundedScore) {
  const auto set = CardOf(Group("g", 1) + Plain("a", "g", 1));
  EXPECT_EQ(Score(set, {{"a", 74.9999}}).scorecard->BandOf(74.9999), "yellow");
  EXPECT_EQ(scorecards_.all()[0]->BandOf(75), "green");
  EXPECT_EQ(scorecards_.all()[0]->BandOf(0), "red");
  EXPECT_EQ(scorecards_.all()[0]->BandOf(49.999999), "red");
  EXPECT_EQ(scorecards_.all()[0]->BandOf(100), "green");
}

TEST_F(ScorecardTest, ChoosesTheFirstScorecardByPriorityThatApplies) {
  auto set = CardOf("priority: 50 " + Group("g", 1) + Plain("a", "g", 1));
  v1::Scorecard* special = set.add_scorecards();
  *special = set.scorecards(0);
  special->set_id("special");
  special->set_priority(10);
  special->set_applies_to("phase = ONBOARDING");
  EXPECT_EQ(Score(set, {{"a", 1.0}, {"phase", std::string("ONBOARDING")}}).scorecard->config().id(), "special");
  EXPECT_EQ(Score(set, {{"a", 1.0}, {"phase", std::string("SUCCESS")}}).scorecard->config().id(), "card");
  EXPECT_EQ(Score(set, {{"a", 1.0}}).scorecard->config().id(), "card") << "an unknown phase does not apply";
}

TEST_F(ScorecardTest, ReadsFactsThatAppearLater) {
  const auto set =
      CardOf(Group("g", 1) +
             "measures { id: 'logins' group: 'g' fact: 'usage.logins.sum_30d' weight: 1 missing: MISSING_POLICY_ZERO "
             "curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } } " +
             "exceptions { id: 'cap' filter: 'usage.errors.sum_30d > 9' cap: 10 }");
  scorecards_ = Compiled(set, facts_.catalogue());
  EXPECT_EQ(scorecards_.Evaluate(facts::FactRow(), AnyTime()).score, std::nullopt);
  const facts::FactRow row = facts_.Row({{"usage.logins.sum_30d", 80.0}, {"usage.errors.sum_30d", 10.0}});
  EXPECT_TRUE(scorecards_.Resolve(facts_.catalogue()));
  EXPECT_DOUBLE_EQ(*scorecards_.Evaluate(row, AnyTime()).score, 10);
  EXPECT_FALSE(scorecards_.Resolve(facts_.catalogue())) << "nothing became usable since";
}

}  // namespace
}  // namespace perennial::health
