#include "health-svc/rules/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

const char* const kCard =
    "groups { id: 'usage' display_name: 'Usage' weight: 60 } groups { id: 'voice' weight: 40 } "
    "measures { id: 'logins' display_name: 'Logins' group: 'usage' fact: 'logins' weight: 1 "
    "  missing: MISSING_POLICY_REDISTRIBUTE reason: 'logins of {value} in 30 days give {score} points' "
    "  curve { linear { points { value: 0 score: 0 } points { value: 200 score: 100 } } } } "
    "measures { id: 'trend' group: 'usage' fact: 'trend' weight: 1 missing: MISSING_POLICY_REDISTRIBUTE "
    "  curve { linear { points { value: -1 score: 0 } points { value: 1 score: 100 } } } } "
    "measures { id: 'nps' display_name: 'NPS' group: 'voice' fact: 'nps' weight: 1 missing: MISSING_POLICY_NEUTRAL "
    "  curve { linear { points { value: 0 score: 0 } points { value: 10 score: 100 } } } } "
    "exceptions { id: 'urgent' filter: 'urgent > 0' cap: 40 reason: 'open urgent ticket' }";

class ExplanationTest : public ::testing::Test {
 protected:
  ExplanationTest() { facts_.Id("trend", facts::FactType::kNumber, "", "share"); }
  v1::HealthScoreExplanation Explained(const FactMap& values) {
    (void)facts_.Row({{"logins", 0.0}, {"nps", 0.0}, {"urgent", 0.0}});
    const facts::FactRow row = facts_.Row(values);
    scorecards_ = Compiled(CardOf(kCard), facts_.catalogue());
    return Explain(scorecards_.Evaluate(row, AnyTime()), row, facts_.catalogue());
  }
  RuleFacts facts_;
  Scorecards scorecards_;
};

TEST_F(ExplanationTest, TellsTheMeasureThatWeighsMostFirst) {
  const auto explanation = Explained({{"logins", 96.0}, {"trend", 0.5}, {"nps", 9.0}});
  EXPECT_EQ(explanation.measures(0).measure(), "logins");
  EXPECT_EQ(explanation.measures(0).reason(), "logins of 96 in 30 days give 48 points, 14.4 of the score");
  EXPECT_EQ(explanation.summary(), "Usage weighs most: logins of 96 in 30 days give 48 points, 14.4 of the score.");
}

TEST_F(ExplanationTest, SpeaksOfSharesAsPerCent) {
  const auto explanation = Explained({{"logins", 200.0}, {"trend", -0.35}, {"nps", 9.0}});
  EXPECT_EQ(explanation.measures(0).fact_value(), "-0.35");
  EXPECT_THAT(explanation.measures(0).reason(), HasSubstr("trend of -35 % gives 32.5 points"));
}

TEST_F(ExplanationTest, SaysWhatBecameOfMissingMeasures) {
  const auto explanation = Explained({{"logins", 100.0}});
  for (const v1::MeasureExplanation& measure : explanation.measures()) {
    if (measure.measure() == "nps") {
      EXPECT_EQ(measure.score(), 50);
      EXPECT_EQ(measure.reason(), "NPS is unknown and counts 50");
    }
    if (measure.measure() == "trend") {
      EXPECT_FALSE(measure.has_score());
      EXPECT_EQ(measure.effective_weight(), 0);
      EXPECT_EQ(measure.reason(), "trend is unknown; its weight goes to the other measures");
    }
  }
  EXPECT_EQ(explanation.measures_size(), 3);
}

TEST_F(ExplanationTest, NamesExceptions) {
  const auto explanation = Explained({{"logins", 200.0}, {"trend", 1.0}, {"nps", 10.0}, {"urgent", 2.0}});
  ASSERT_EQ(explanation.exceptions_size(), 1);
  EXPECT_EQ(explanation.exceptions(0).reason(), "capped at 40: open urgent ticket");
  EXPECT_EQ(explanation.exceptions(0).score_before(), 100);
  EXPECT_EQ(explanation.exceptions(0).score_after(), 40);
  EXPECT_EQ(explanation.summary(), "Nothing takes points away; capped at 40: open urgent ticket.");
}

TEST_F(ExplanationTest, SaysThatAScoreIsUnknown) {
  const auto explanation = Explained({});
  EXPECT_FALSE(explanation.has_computed_score());
  EXPECT_EQ(explanation.summary(), "Unknown: nothing that the scorecard card measures is known and fresh.");
}

TEST_F(ExplanationTest, ExplainsAKeptScoreFromItsMeasures) {
  (void)Explained({{"logins", 96.0}, {"trend", 0.5}, {"nps", 9.0}});
  v1::HealthScore kept;
  kept.set_score(40);
  const std::pair<const char*, double> measures[] = {{"logins", 48}, {"trend", 75}, {"nps", 90}};
  for (const auto& [id, score] : measures) {
    v1::MeasureScore* measure = kept.add_measures();
    measure->set_measure(id);
    measure->set_score(score);
  }
  const auto explanation = ExplainKept(kept, *scorecards_.all()[0]);
  double sum = 0;
  for (const auto& measure : explanation.measures()) sum += measure.contribution();
  EXPECT_NEAR(sum, explanation.computed_score(), 1e-9);
  ASSERT_EQ(explanation.exceptions_size(), 1);
  EXPECT_EQ(explanation.exceptions(0).score_after(), 40);
  EXPECT_THAT(explanation.summary(), HasSubstr("Kept from before the account churned."));
}

}  // namespace
}  // namespace perennial::health
