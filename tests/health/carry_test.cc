#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/time_util.h"
#include "health-svc/rules/change_explanation.h"
#include "health-svc/rules/explanation.h"
#include "health-svc/rules/scorecard.h"
#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = AnyTime().now;
const std::int64_t kToday = DayOf(kNow);

class CarryTest : public ::testing::Test {
 protected:
  CarryTest() {
    (void)facts_.Id("old", facts::FactType::kNumber, "old.days_since");
    (void)facts_.Row({{"use", 0.0}, {"said", 0.0}, {"old.days_since", 0.0}, {"tier", std::string()}});
    scorecards_ = Compiled(
        CardOf(Group("g", 1) + Plain("use", "g", 1) + Plain("said", "g", 1, "CARRY", "carry_days: 10") +
               Plain("old", "g", 1, "CARRY", "carry_days: 20 max_age_days: 30") +
               "measures { id: 'tier' group: 'g' fact: 'tier' weight: 1 missing: MISSING_POLICY_CARRY carry_days: 5 "
               "curve { match { cases { value: 'gold' score: 100 } } } }"),
        facts_.catalogue());
  }
  Evaluation At(const FactMap& row, const CarriedFacts& carried) {
    return scorecards_.Evaluate(facts_.Row(row), {.now = kNow}, &carried);
  }
  static CarriedFact Said(double value, std::int64_t days_ago) {
    return {.name = "said", .value = value, .day = kToday - days_ago};
  }
  RuleFacts facts_;
  Scorecards scorecards_;
};

TEST_F(CarryTest, CountsTheLastKnownValueButNotAsKnown) {
  const Evaluation evaluation = At({{"use", 20.0}}, {Said(80, 3)});
  EXPECT_EQ(evaluation.outcomes[1].state, v1::MEASURE_STATE_CARRIED);
  EXPECT_EQ(evaluation.outcomes[1].carried_day, kToday - 3);
  EXPECT_DOUBLE_EQ(*evaluation.score, 50);
  EXPECT_DOUBLE_EQ(evaluation.coverage, 0.25);
}

TEST_F(CarryTest, EndsWithItsDays) {
  EXPECT_DOUBLE_EQ(*At({{"use", 20.0}}, {Said(80, 10)}).score, 50);
  const Evaluation over = At({{"use", 20.0}}, {Said(80, 11)});
  EXPECT_EQ(over.outcomes[1].state, v1::MEASURE_STATE_UNKNOWN);
  EXPECT_DOUBLE_EQ(*over.score, 20) << "its weight goes to the others then";
}

TEST_F(CarryTest, ANewValueTakesItsPlace) {
  const Evaluation evaluation = At({{"use", 20.0}, {"said", 40.0}}, {Said(80, 3)});
  EXPECT_EQ(evaluation.outcomes[1].state, v1::MEASURE_STATE_KNOWN);
  EXPECT_DOUBLE_EQ(*evaluation.score, 30);
}

TEST_F(CarryTest, AloneMakesNoScore) {
  EXPECT_FALSE(At({}, {Said(80, 3)}).score.has_value()) << "nothing is known and fresh";
}

TEST_F(CarryTest, AValueOfTodayOrOfAnotherAgeIsNotCarried) {
  EXPECT_EQ(At({{"use", 20.0}}, {Said(80, 0)}).outcomes[1].state, v1::MEASURE_STATE_UNKNOWN);
  const CarriedFact other{.name = "said", .max_age_days = 5, .value = 80.0, .day = kToday - 1};
  EXPECT_EQ(At({{"use", 20.0}}, {other}).outcomes[1].state, v1::MEASURE_STATE_UNKNOWN);
}

TEST_F(CarryTest, CarriesWhatBecameTooOld) {
  const FactMap row = {{"use", 20.0}, {"old", 60.0}, {"old.days_since", 33.0}};
  EXPECT_EQ(At(row, {}).outcomes[2].state, v1::MEASURE_STATE_STALE);
  const CarriedFact old{.name = "old", .max_age_days = 30, .value = 60.0, .day = kToday - 3};
  const Evaluation evaluation = At(row, {old});
  EXPECT_EQ(evaluation.outcomes[2].state, v1::MEASURE_STATE_CARRIED);
  EXPECT_DOUBLE_EQ(*evaluation.score, 40);
}

TEST_F(CarryTest, AKnownValueOutsideTheCurveIsNotReplaced) {
  const CarriedFact gold{.name = "tier", .value = std::string("gold"), .day = kToday - 2};
  EXPECT_EQ(At({{"use", 20.0}}, {gold}).outcomes[3].state, v1::MEASURE_STATE_CARRIED);
  EXPECT_EQ(At({{"use", 20.0}, {"tier", std::string("tin")}}, {gold}).outcomes[3].state, v1::MEASURE_STATE_UNKNOWN);
}

TEST_F(CarryTest, SaysFromWhenItIsCarried) {
  const facts::FactRow row = facts_.Row({{"use", 20.0}});
  const CarriedFacts carried = {{.name = "said", .value = 80.0, .day = DayOf(absl::FromUnixSeconds(1735400000))}};
  const Evaluation evaluation = scorecards_.Evaluate(row, {.now = kNow}, &carried);
  const auto explanation = Explain(evaluation, row, facts_.catalogue());
  double sum = 0;
  bool told = false;
  for (const auto& measure : explanation.measures()) {
    sum += measure.contribution();
    if (measure.measure() != "said") continue;
    told = true;
    EXPECT_EQ(measure.state(), v1::MEASURE_STATE_CARRIED);
    EXPECT_THAT(measure.reason(), HasSubstr("carried from 2024-12-28"));
    EXPECT_DOUBLE_EQ(measure.contribution(), 40);
  }
  EXPECT_TRUE(told);
  EXPECT_NEAR(sum, explanation.computed_score(), 1e-9);
}

TEST_F(CarryTest, AChangeCountsItAsMissing) {
  const facts::FactRow known = facts_.Row({{"use", 20.0}, {"said", 60.0}});
  const facts::FactRow missing = facts_.Row({{"use", 20.0}});
  const CarriedFacts fresh = {Said(80, 3)};
  const CarriedFacts expired = {Said(80, 12)};
  const Evaluation evaluations[] = {scorecards_.Evaluate(known, {.now = kNow}),
                                    scorecards_.Evaluate(missing, {.now = kNow}, &fresh),
                                    scorecards_.Evaluate(missing, {.now = kNow}, &expired)};
  const facts::FactRow* rows[] = {&known, &missing, &missing};
  for (int from = 0; from < 3; ++from) {
    for (int to = 0; to < 3; ++to) {
      if (from == to) continue;
      const auto parts =
          ExplainChange({evaluations[from], *rows[from], evaluations[from].score},
                        {evaluations[to], *rows[to], evaluations[to].score}, evaluations[from], facts_.catalogue());
      ASSERT_EQ(parts.size(), 1U) << from << " to " << to;
      EXPECT_EQ(parts[0].kind(), v1::SCORE_CHANGE_KIND_MISSING);
      EXPECT_EQ(parts[0].measure(), "said");
      EXPECT_NEAR(parts[0].points(), *evaluations[to].score - *evaluations[from].score, 1e-9);
    }
  }
}

TEST_F(CarryTest, TellsWhatScorecardsCarryOnce) {
  const auto specs = scorecards_.CarrySpecs();
  ASSERT_EQ(specs.size(), 3U);
  EXPECT_EQ(specs[0].name, "said");
  EXPECT_EQ(specs[0].days, 10);
  EXPECT_EQ(specs[1].max_age_days, 30);
  EXPECT_TRUE(specs[1].age.has_value());
}

}  // namespace
}  // namespace perennial::health
