#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

class SentimentFactsTest : public FactsTest {};

TEST_F(SentimentFactsTest, WithoutAnswersScoresAreUnknownAndCountsZero) {
  for (const char* name : {"nps.latest", "nps.days_since", "csat.avg_90d", "pulse.latest", "pulse.days_since",
                           "churn.days_since_report", "churn.last_reason"}) {
    EXPECT_EQ(Fact(name), "unknown") << name;
  }
  EXPECT_EQ(Fact("csat.count_90d"), "0");
  EXPECT_EQ(Fact("churn.reports_365d"), "0");
}

TEST_F(SentimentFactsTest, TheLatestAnswerOfEachKindCounts) {
  history_.surveys = {{Ago(400), SurveyKind::kNps, 10},
                      {Ago(20), SurveyKind::kPulse, 80},
                      {Ago(10), SurveyKind::kNps, 3},
                      {Ago(9), SurveyKind::kCes, 7}};
  EXPECT_EQ(Fact("nps.latest"), "3");
  EXPECT_EQ(Fact("nps.days_since"), "10");
  EXPECT_EQ(Fact("pulse.latest"), "80");
  EXPECT_EQ(Fact("pulse.days_since"), "20");
}

TEST_F(SentimentFactsTest, AnAnswerOfZeroIsKnown) {
  history_.surveys = {{Ago(1), SurveyKind::kNps, 0}};
  EXPECT_EQ(Fact("nps.latest"), "0");
}

TEST_F(SentimentFactsTest, SatisfactionIsTheMeanOfSurveysAndTicketsInNinetyDays) {
  history_.surveys = {{Ago(90), SurveyKind::kCsat, 1}, {Ago(89), SurveyKind::kCsat, 5}};
  history_.tickets = {{.opened = Ago(120), .resolved = Ago(10), .satisfaction = 2, .updated = Ago(10)},
                      {.opened = Ago(120), .resolved = Ago(100), .satisfaction = 1, .updated = Ago(10)},
                      {.opened = Ago(12), .satisfaction = 5, .updated = Ago(10)}};
  EXPECT_EQ(Fact("csat.count_90d"), "3");
  EXPECT_EQ(Fact("csat.avg_90d"), "4");
}

TEST_F(SentimentFactsTest, OnboardingProgressIsTheFurthestThatWasReached) {
  EXPECT_EQ(Fact("onboarding.progress"), "unknown");
  history_.milestones = {
      {Ago(9), "kick_off", 0.25}, {Ago(8), "data", 0.75}, {Ago(7), "went_back", 0.5}, {Ago(6), "call", {}}};
  EXPECT_EQ(Fact("onboarding.progress"), "0.75");
}

TEST_F(SentimentFactsTest, AMilestoneWithoutProgressLeavesProgressUnknown) {
  history_.milestones = {{Ago(9), "kick_off", {}}};
  EXPECT_EQ(Fact("onboarding.progress"), "unknown");
}

TEST_F(SentimentFactsTest, OnboardingDaysRunFromTheFirstSubscriptionUntilItIsDone) {
  EXPECT_EQ(Fact("onboarding.days"), "unknown");
  Subscribe("trial", Ago(40), 0, {.trial = true});
  Subscribe("pro", Ago(20), 10);
  EXPECT_EQ(Fact("onboarding.days"), "40");
  history_.milestones = {{Ago(15), "live", 1.0}, {Ago(5), "again", 1.0}};
  EXPECT_EQ(Fact("onboarding.days"), "25");
}

TEST_F(SentimentFactsTest, OnboardingDaysEndWhenTheAccountGoesOn) {
  Subscribe("pro", Ago(200), 10);
  EXPECT_EQ(Fact("onboarding.days"), "90") << "the longest";
  history_.milestones = {{Ago(150), "first_value", {}}};
  EXPECT_EQ(Fact("onboarding.days"), "50");
  history_.milestones.clear();
  history_.moves = {{Ago(170), Phase::kSuccess, "because", "ann", Ago(170)}};
  EXPECT_EQ(Fact("onboarding.days"), "30") << "moved by hand";
}

TEST_F(SentimentFactsTest, FirstValueIsUnknownUntilItIsReached) {
  Subscribe("pro", Ago(20), 10);
  EXPECT_EQ(Fact("onboarding.first_value_days"), "unknown");
  history_.milestones = {{Ago(13), "first_value", {}}, {Ago(3), "first_value", {}}};
  EXPECT_EQ(Fact("onboarding.first_value_days"), "7");
}

TEST_F(SentimentFactsTest, ChurnReportsAreCountedAndChangeNothingElse) {
  Subscribe("pro", Ago(20), 10);
  history_.churn_reports = {{Ago(365), "old"}, {Ago(364), "price"}, {Ago(4), "features"}};
  EXPECT_EQ(Fact("churn.reports_365d"), "2");
  EXPECT_EQ(Fact("churn.days_since_report"), "4");
  EXPECT_EQ(Fact("churn.last_reason"), "features");
  EXPECT_EQ(Fact("mrr"), "10");
  EXPECT_EQ(Fact("phase"), "ONBOARDING");
}

}  // namespace
}  // namespace perennial::accounts::testing
