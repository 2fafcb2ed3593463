// Phases under other rules than those that come with the program, and with moves by hand.
#include "absl/strings/str_cat.h"
#include "accounts-svc/facts/lifecycle.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

class LifecycleRulesTest : public FactsTest {
 protected:
  static absl::Time Day(int day) { return At("2024-01-01T00:00:00Z") + absl::Hours(24) * day; }
  // The phases until a day, with the day that each was entered on.
  std::string Timeline(int as_of) {
    now_ = Day(as_of);
    std::string text;
    for (const PhaseChange& change : Compute().phases) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", NameOf(change.phase), " ", DayOf(change.time) - DayOf(Day(0)));
    }
    return text;
  }
  void Move(int day, Phase phase) { history_.moves.push_back({Day(day), phase, "because", "ann", Day(day)}); }
  // Pays from one day to another.
  void Pay(int begin, int end) { Subscribe(absl::StrCat("s", begin), Day(begin), 50, {.end = Day(end)}); }
  void Pay(int begin) { Subscribe(absl::StrCat("s", begin), Day(begin), 50); }
};

TEST_F(LifecycleRulesTest, AdoptionComesAtTheShareThatTheRulesName) {
  history_.rules.adoption_at_progress = 0.5;
  Pay(0);
  history_.milestones = {{Day(5), "half", 0.5}, {Day(20), "live", 1.0}};
  EXPECT_EQ(Timeline(30), "ONBOARDING 0, ADOPTION 5");
  EXPECT_EQ(Compute().phases.back().cause, "onboarding progress reached 50 %");
}

TEST_F(LifecycleRulesTest, WithoutAShareProgressDoesNotMatter) {
  history_.rules.adoption_at_progress.reset();
  Pay(0);
  history_.milestones = {{Day(20), "live", 1.0}};
  EXPECT_EQ(Timeline(30), "ONBOARDING 0");
}

TEST_F(LifecycleRulesTest, AdoptionComesWithTheStepsThatTheRulesName) {
  history_.rules.adoption_at_steps = {"trained", "connected"};
  Pay(0);
  history_.milestones = {{Day(5), "first_value", {}}, {Day(9), "connected", {}}};
  EXPECT_EQ(Timeline(30), "ONBOARDING 0, ADOPTION 9");
  EXPECT_EQ(Compute().phases.back().cause, "the step connected was reached");
}

TEST_F(LifecycleRulesTest, WithoutALongestTimeOnboardingLastsUntilAMilestone) {
  history_.rules.adoption_after_days = 0;
  Pay(0);
  EXPECT_EQ(Timeline(3000), "ONBOARDING 0");
}

TEST_F(LifecycleRulesTest, SuccessWaitsForGoalsThatAreAchieved) {
  history_.rules.success_after_goals = 2;
  Pay(0);
  history_.achievements = {{Day(10), 1}, {Day(300), 2}};
  EXPECT_EQ(Timeline(299), "ONBOARDING 0, ADOPTION 90");
  EXPECT_EQ(Timeline(300), "ONBOARDING 0, ADOPTION 90, SUCCESS 300");
}

TEST_F(LifecycleRulesTest, GoalsThatAreNoLongerAchievedWhenTheDaysHavePassedDoNotCount) {
  history_.rules.success_after_goals = 1;
  Pay(0);
  history_.achievements = {{Day(10), 1}, {Day(20), 0}, {Day(280), 1}, {Day(290), 0}};
  EXPECT_EQ(Timeline(400), "ONBOARDING 0, ADOPTION 90, SUCCESS 280");
}

TEST_F(LifecycleRulesTest, GraceDelaysChurn) {
  history_.rules.churn_grace_days = 30;
  Pay(0, 100);
  EXPECT_EQ(Timeline(129), "ONBOARDING 0, ADOPTION 90");
  EXPECT_EQ(Timeline(130), "ONBOARDING 0, ADOPTION 90, CHURNED 130");
  EXPECT_EQ(Compute().phases.back().cause, "no paid subscription for 30 days");
  EXPECT_EQ(Fact("mrr"), "0") << "the ledger knows no grace";
}

TEST_F(LifecycleRulesTest, PayingAgainWithinTheGraceIsNoChurnAndNoNewBeginning) {
  history_.rules.churn_grace_days = 30;
  Pay(0, 100);
  Pay(120);
  EXPECT_EQ(Timeline(269), "ONBOARDING 0, ADOPTION 90");
  EXPECT_EQ(Timeline(270), "ONBOARDING 0, ADOPTION 90, SUCCESS 270");
}

TEST_F(LifecycleRulesTest, WhatComesDueWithinTheGraceWaitsUntilPayingGoesOn) {
  history_.rules.churn_grace_days = 30;
  Pay(0, 80);
  Pay(100);
  EXPECT_EQ(Timeline(99), "ONBOARDING 0");
  EXPECT_EQ(Timeline(101), "ONBOARDING 0, ADOPTION 100");
}

TEST_F(LifecycleRulesTest, ChurnThatComesTodayIsAnnouncedAsTheNextChange) {
  history_.rules.churn_grace_days = 30;
  Subscribe("p", Day(0), 50, {.end = Day(100) + absl::Hours(9)});
  now_ = Day(130) + absl::Hours(8);
  EXPECT_EQ(Compute().next_change, Day(130) + absl::Hours(9));
}

TEST_F(LifecycleRulesTest, AMoveCarriesItsReasonAndItsAuthor) {
  Pay(0);
  Move(10, Phase::kAdoption);
  EXPECT_EQ(Timeline(30), "ONBOARDING 0, ADOPTION 10");
  EXPECT_EQ(Compute().phases.back().cause, "because");
  EXPECT_EQ(Compute().phases.back().author, "ann");
  EXPECT_EQ(Compute().phases.front().author, "");
  EXPECT_EQ(Fact("phase"), "ADOPTION");
  EXPECT_EQ(Fact("phase_days"), "20");
}

TEST_F(LifecycleRulesTest, TheRulesCountFromAMoveOn) {
  Pay(0);
  Move(10, Phase::kAdoption);
  EXPECT_EQ(Timeline(190), "ONBOARDING 0, ADOPTION 10, SUCCESS 190");
}

TEST_F(LifecycleRulesTest, MovedBackToOnboardingItTakesTheLongestTimeAnew) {
  Pay(0);
  Move(100, Phase::kOnboarding);
  EXPECT_EQ(Timeline(189), "ONBOARDING 0, ADOPTION 90, ONBOARDING 100");
  EXPECT_EQ(Timeline(190), "ONBOARDING 0, ADOPTION 90, ONBOARDING 100, ADOPTION 190");
}

TEST_F(LifecycleRulesTest, MovedBackToOnboardingOnlyLaterMilestonesEndIt) {
  Pay(0);
  history_.milestones = {{Day(20), "first_value", {}}, {Day(120), "first_value", {}}};
  Move(100, Phase::kOnboarding);
  EXPECT_EQ(Timeline(119), "ONBOARDING 0, ADOPTION 20, ONBOARDING 100");
  EXPECT_EQ(Timeline(120), "ONBOARDING 0, ADOPTION 20, ONBOARDING 100, ADOPTION 120");
}

TEST_F(LifecycleRulesTest, ALaterChurnWinsOverAMove) {
  Pay(0, 60);
  Move(10, Phase::kSuccess);
  EXPECT_EQ(Timeline(70), "ONBOARDING 0, SUCCESS 10, CHURNED 60");
}

TEST_F(LifecycleRulesTest, WhoWasMovedOutOfOnboardingComesBackToAdoption) {
  Pay(0, 30);
  Pay(40);
  Move(10, Phase::kSuccess);
  EXPECT_EQ(Timeline(50), "ONBOARDING 0, SUCCESS 10, CHURNED 30, ADOPTION 40");
}

TEST_F(LifecycleRulesTest, MovedToChurnedWhilePayingItStaysSoUntilPayingBeginsAgain) {
  Pay(0, 300);
  Pay(320);
  Move(50, Phase::kChurned);
  EXPECT_EQ(Timeline(310), "ONBOARDING 0, CHURNED 50");
  EXPECT_EQ(Timeline(321), "ONBOARDING 0, CHURNED 50, ADOPTION 320");
}

TEST_F(LifecycleRulesTest, AnotherMoveEndsAChurnByHand) {
  Pay(0);
  Move(50, Phase::kChurned);
  Move(60, Phase::kAdoption);
  EXPECT_EQ(Timeline(240), "ONBOARDING 0, CHURNED 50, ADOPTION 60, SUCCESS 240");
}

TEST_F(LifecycleRulesTest, MovedToAPayingPhaseWithoutPayingItStaysThereUntilPayingBegins) {
  Pay(0, 20);
  Pay(200);
  Move(30, Phase::kSuccess);
  EXPECT_EQ(Timeline(199), "ONBOARDING 0, CHURNED 20, SUCCESS 30");
  EXPECT_EQ(Timeline(200), "ONBOARDING 0, CHURNED 20, SUCCESS 30, ADOPTION 200");
}

TEST_F(LifecycleRulesTest, MovedToAdoptionBeforeTheFirstPaymentItIsNotOnboardedAgain) {
  Pay(50);
  Move(10, Phase::kAdoption);
  EXPECT_EQ(Timeline(229), "ADOPTION 10");
  EXPECT_EQ(Timeline(230), "ADOPTION 10, SUCCESS 230") << "success counts paying only";
}

TEST_F(LifecycleRulesTest, AMoveWinsOverWhatTheRulesDoAtItsMoment) {
  Pay(0);
  Move(90, Phase::kTrial);
  EXPECT_EQ(Timeline(400), "ONBOARDING 0, TRIAL 90");
}

TEST_F(LifecycleRulesTest, AMoveToThePhaseThatItIsInIsNoChangeButTheRulesCountFromIt) {
  Pay(0);
  Move(120, Phase::kAdoption);
  EXPECT_EQ(Timeline(299), "ONBOARDING 0, ADOPTION 90");
  EXPECT_EQ(Timeline(300), "ONBOARDING 0, ADOPTION 90, SUCCESS 300");
}

TEST_F(LifecycleRulesTest, AnAccountWithoutASubscriptionCanBeMoved) {
  Move(5, Phase::kOnboarding);
  EXPECT_EQ(Timeline(400), "ONBOARDING 5") << "the rules see nobody who pays";
}

}  // namespace
}  // namespace perennial::accounts::testing
