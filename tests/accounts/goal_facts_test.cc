// The facts of goals, as a pure function of the history, and the progress of one goal.
#include <cmath>
#include <limits>

#include "accounts-svc/facts/goal_progress.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

class GoalFactsTest : public FactsTest {
 protected:
  // A goal in words from 0 to 10 whose value is `current`.
  Goal& AddGoal(std::optional<double> current, GoalState state = GoalState::kActive) {
    history_.goals.push_back(
        {.id = std::to_string(history_.goals.size()), .target = 10, .current = current, .state = state});
    return history_.goals.back();
  }
};

TEST_F(GoalFactsTest, WithoutGoalsCountsAreZeroAndProgressIsUnknown) {
  EXPECT_EQ(Fact("goals.active"), "0");
  EXPECT_EQ(Fact("goals.achieved"), "0");
  EXPECT_EQ(Fact("goals.overdue"), "0");
  EXPECT_EQ(Fact("goals.progress"), "unknown");
}

TEST_F(GoalFactsTest, ProgressIsTheMeanOverActiveAndAchievedGoalsWhoseValueIsKnown) {
  AddGoal(5);
  AddGoal(std::nullopt);
  AddGoal(2, GoalState::kAchieved);
  EXPECT_EQ(Fact("goals.active"), "2");
  EXPECT_EQ(Fact("goals.achieved"), "1");
  EXPECT_EQ(Fact("goals.progress"), "0.75");
}

TEST_F(GoalFactsTest, OnlyUnknownValuesGiveNoProgress) {
  AddGoal(std::nullopt);
  EXPECT_EQ(Fact("goals.active"), "1");
  EXPECT_EQ(Fact("goals.progress"), "unknown");
}

TEST_F(GoalFactsTest, ACancelledGoalCountsNowhere) {
  AddGoal(5, GoalState::kCancelled).due = Ago(5);
  EXPECT_EQ(Fact("goals.active"), "0");
  EXPECT_EQ(Fact("goals.achieved"), "0");
  EXPECT_EQ(Fact("goals.overdue"), "0");
  EXPECT_EQ(Fact("goals.progress"), "unknown");
}

TEST_F(GoalFactsTest, OverdueAreActiveGoalsWhoseTimeHasPassed) {
  AddGoal(5).due = now_ - absl::Microseconds(1);
  AddGoal(5).due = now_;
  AddGoal(5, GoalState::kAchieved).due = Ago(5);
  AddGoal(10).due = Ago(5);
  AddGoal(5);
  EXPECT_EQ(Fact("goals.overdue"), "1");
}

TEST_F(GoalFactsTest, AFactIsFollowed) {
  const std::int64_t logins = Metric("logins");
  Use(logins, 1, 30);
  Goal& goal = AddGoal(7);
  goal.fact = "usage.logins.sum_30d";
  goal.target = 120;
  EXPECT_EQ(Fact("goals.progress"), "0.25") << "its own value is not looked at";
  Use(logins, 2, 90);
  EXPECT_EQ(Fact("goals.progress"), "1");
  EXPECT_EQ(Fact("goals.achieved"), "1");
  EXPECT_EQ(Fact("goals.active"), "0");
  EXPECT_EQ(Compute().reached_goals, std::vector<std::string>{"0"});
}

TEST_F(GoalFactsTest, AnUnknownFactIsUnknownProgress) {
  AddGoal(7).fact = "nps.latest";
  AddGoal(7).fact = "usage.nothing.sum_30d";
  AddGoal(7).fact = "phase";
  EXPECT_EQ(Fact("goals.active"), "3");
  EXPECT_EQ(Fact("goals.progress"), "unknown");
}

TEST_F(GoalFactsTest, WhatIsRecordedAsAchievedStaysSoWhenTheFactFalls) {
  Goal& goal = AddGoal(std::nullopt, GoalState::kAchieved);
  goal.fact = "support.open";
  EXPECT_EQ(Fact("goals.achieved"), "1");
  EXPECT_EQ(Fact("goals.progress"), "1");
  EXPECT_TRUE(Compute().reached_goals.empty()) << "it is recorded already";
}

double Progress(double start, double target, double value) {
  return ProgressOf({.start = start, .target = target}, value).value_or(-1);
}

TEST(GoalProgress, IsTheShareOfTheWayClamped) {
  EXPECT_EQ(Progress(0, 10, 0), 0);
  EXPECT_EQ(Progress(0, 10, 2.5), 0.25);
  EXPECT_EQ(Progress(0, 10, -3), 0);
  EXPECT_EQ(Progress(0, 10, 12), 1);
  EXPECT_EQ(Progress(10, 2, 10), 0);
  EXPECT_EQ(Progress(10, 2, 4), 0.75) << "a value may be meant to fall";
  EXPECT_EQ(Progress(10, 2, 1), 1);
  EXPECT_EQ(Progress(10, 2, 30), 0);
  EXPECT_EQ(Progress(-4, 4, 0), 0.5);
}

TEST(GoalProgress, IsOneExactlyWhenTheTargetIsReached) {
  const double below = std::nextafter(0.3, 0);
  EXPECT_LT(Progress(0.1, 0.3, below), 1);
  EXPECT_EQ(Progress(0.1, 0.3, 0.3), 1);
  const double most = std::numeric_limits<double>::max();
  EXPECT_EQ(Progress(-most, most, 0), 0.5);
  EXPECT_EQ(Progress(-most, most, most), 1);
}

TEST(GoalProgress, IsUnknownWithoutAValueUnlessAchieved) {
  EXPECT_EQ(ProgressOf({.target = 1}, std::nullopt), std::nullopt);
  EXPECT_EQ(ProgressOf({.target = 1, .state = GoalState::kAchieved}, std::nullopt), 1);
}

}  // namespace
}  // namespace perennial::accounts::testing
