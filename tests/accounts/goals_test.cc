// GoalService over the wire, and the facts that follow from goals.
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {
namespace {

using grpc::StatusCode;

class GoalsTest : public CareTest {
 protected:
  grpc::Status Get(const std::string& id, v1::Goal* goal) {
    v1::GetGoalRequest request;
    request.set_name("accounts/acme/goals/" + id);
    v1::GetGoalResponse response;
    const grpc::Status status = Send(*goals_, &v1::GoalService::Stub::GetGoal, request, &response);
    *goal = response.goal();
    return status;
  }
  v1::Goal Got(const std::string& id) {
    v1::Goal goal;
    const grpc::Status status = Get(id, &goal);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return goal;
  }
  static v1::UpdateGoalRequest ChangeOf(const std::string& id) {
    v1::UpdateGoalRequest request;
    request.mutable_goal()->set_name("accounts/acme/goals/" + id);
    return request;
  }
  grpc::Status Change(const v1::UpdateGoalRequest& request, v1::Goal* goal = nullptr) {
    v1::UpdateGoalResponse response;
    const grpc::Status status = Send(*goals_, &v1::GoalService::Stub::UpdateGoal, request, &response);
    if (goal != nullptr) *goal = response.goal();
    return status;
  }
  v1::Goal SetCurrent(const std::string& id, double value) {
    v1::UpdateGoalRequest request = ChangeOf(id);
    request.mutable_goal()->set_current_value(value);
    v1::Goal goal;
    const grpc::Status status = Change(request, &goal);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return goal;
  }
  grpc::Status Remove(const std::string& id, const std::string& etag = "") {
    v1::DeleteGoalRequest request;
    request.set_name("accounts/acme/goals/" + id);
    request.set_etag(etag);
    v1::DeleteGoalResponse response;
    return Send(*goals_, &v1::GoalService::Stub::DeleteGoal, request, &response);
  }
  // A goal that follows logins, from 0 to `target`.
  static v1::CreateGoalRequest LoginsOf(const std::string& id, double target) {
    v1::CreateGoalRequest request = GoalOf(id);
    request.mutable_goal()->clear_measure();
    request.mutable_goal()->set_fact("usage.logins.sum_30d");
    request.mutable_goal()->set_target_value(target);
    return request;
  }
};

TEST_F(GoalsTest, ReadsBackWhatWasCreatedAlsoAfterARestart) {
  v1::CreateGoalRequest request = GoalOf("rollout");
  request.mutable_goal()->set_current_value(2.5);
  SetTimestamp(At("2024-09-01T00:00:00Z"), request.mutable_goal()->mutable_due_time());
  v1::Goal created;
  ASSERT_TRUE(Add(request, &created).ok());
  EXPECT_EQ(created.name(), "accounts/acme/goals/rollout");
  EXPECT_EQ(created.state(), v1::GOAL_STATE_ACTIVE);
  EXPECT_EQ(created.progress(), 0.25);
  EXPECT_FALSE(created.overdue());
  EXPECT_EQ(ToTime(created.create_time()), clock_.Now());
  Restart();
  EXPECT_EQ(Got("rollout").SerializeAsString(), created.SerializeAsString());
}

TEST_F(GoalsTest, NamesEveryBadField) {
  EXPECT_EQ(BadFields(Add(v1::CreateGoalRequest())), (Fields{"goal", "goal.measure", "goal.start_value",
                                                             "goal.target_value", "goal.title", "goal_id", "parent"}));
  v1::CreateGoalRequest request = GoalOf("a b");
  request.mutable_goal()->set_title(std::string(257, 'x'));
  request.mutable_goal()->set_target_value(std::numeric_limits<double>::infinity());
  request.mutable_goal()->set_current_value(std::numeric_limits<double>::quiet_NaN());
  request.mutable_goal()->mutable_due_time()->set_nanos(-1);
  request.mutable_goal()->set_state(static_cast<v1::GoalState>(9));
  SetTimestamp(clock_.Now() + absl::Seconds(1), request.mutable_effective_time());
  EXPECT_EQ(BadFields(Add(request)), (Fields{"effective_time", "goal.current_value", "goal.due_time", "goal.state",
                                             "goal.target_value", "goal.title", "goal_id"}));
  request = GoalOf("g");
  request.mutable_goal()->set_start_value(10);
  EXPECT_EQ(BadFields(Add(request)), (Fields{"goal.target_value"}));
}

TEST_F(GoalsTest, AFactMustBeANumberThatDoesNotFollowFromGoals) {
  v1::CreateGoalRequest request = GoalOf("g");
  for (const char* bad : {"goals.progress", "phase", "is_trial", "tags", "suport.open"}) {
    request.mutable_goal()->set_fact(bad);
    EXPECT_EQ(BadFields(Add(request)), (Fields{"goal.fact"})) << bad;
  }
  EXPECT_NE(Add(request).error_message().find("did you mean 'support.open'?"), std::string::npos);
  request.mutable_goal()->set_fact("support.open");
  EXPECT_TRUE(Add(request).ok());
}

TEST_F(GoalsTest, AGoalInWordsIsAchievedWhenItsValueReachesTheTarget) {
  ASSERT_TRUE(Add(GoalOf("g")).ok());
  EXPECT_FALSE(Got("g").has_progress()) << "its value is not known";
  EXPECT_EQ(SetCurrent("g", 9).state(), v1::GOAL_STATE_ACTIVE);
  clock_.Advance(absl::Hours(1));
  const v1::Goal achieved = SetCurrent("g", 10);
  EXPECT_EQ(achieved.state(), v1::GOAL_STATE_ACHIEVED);
  EXPECT_EQ(ToTime(achieved.achieve_time()), clock_.Now());
  EXPECT_EQ(achieved.progress(), 1);
  clock_.Advance(absl::Hours(1));
  const v1::Goal fallen = SetCurrent("g", 3);
  EXPECT_EQ(fallen.state(), v1::GOAL_STATE_ACHIEVED) << "it stays so when the value falls";
  EXPECT_EQ(ToTime(fallen.achieve_time()), clock_.Now() - absl::Hours(1));
}

TEST_F(GoalsTest, AnAchievementCanBeTakenBack) {
  ASSERT_TRUE(Add(GoalOf("g")).ok());
  SetCurrent("g", 10);
  SetCurrent("g", 3);
  v1::UpdateGoalRequest change = ChangeOf("g");
  change.mutable_goal()->set_state(v1::GOAL_STATE_ACTIVE);
  v1::Goal goal;
  ASSERT_TRUE(Change(change, &goal).ok());
  EXPECT_EQ(goal.state(), v1::GOAL_STATE_ACTIVE);
  EXPECT_FALSE(goal.has_achieve_time());
  EXPECT_EQ(goal.progress(), 0.3);
  SetCurrent("g", 10);
  change = ChangeOf("g");
  change.mutable_goal()->set_target_value(20);
  ASSERT_TRUE(Change(change, &goal).ok());
  EXPECT_EQ(goal.state(), v1::GOAL_STATE_ACTIVE) << "another target is another goal";
  EXPECT_EQ(goal.progress(), 0.5);
}

TEST_F(GoalsTest, AGoalOfAFactIsAchievedByTheCommitThatChangesTheFact) {
  Write({Usage("acme", "1", "logins", 30)});
  v1::Goal goal;
  ASSERT_TRUE(Add(LoginsOf("g", 120), &goal).ok());
  EXPECT_EQ(goal.current_value(), 30);
  EXPECT_EQ(goal.progress(), 0.25);
  clock_.Advance(absl::Minutes(5));
  Write({Usage("acme", "2", "logins", 90)});
  const v1::Goal reached = Got("g");
  EXPECT_EQ(reached.state(), v1::GOAL_STATE_ACHIEVED);
  EXPECT_EQ(ToTime(reached.achieve_time()), clock_.Now());
  EXPECT_NE(reached.etag(), goal.etag());
  EXPECT_EQ(Fact("acme", "goals.achieved"), "number: 1");
  clock_.Set(At("2024-09-30T00:00:00Z"));
  EXPECT_TRUE(Eventually([&] { return Got("g").current_value() == 0; }));
  EXPECT_EQ(Got("g").state(), v1::GOAL_STATE_ACHIEVED) << "it stays so when the use falls out of the window";
  EXPECT_EQ(Fact("acme", "goals.progress"), "number: 1");
}

TEST_F(GoalsTest, AGoalThatIsReachedWhenItIsMadeIsAchievedAtOnce) {
  Write({Usage("acme", "1", "logins", 30)});
  v1::Goal goal;
  ASSERT_TRUE(Add(LoginsOf("g", 20), &goal).ok());
  EXPECT_EQ(goal.state(), v1::GOAL_STATE_ACHIEVED);
  ASSERT_TRUE(Add(GoalOf("w"), &goal).ok());
  EXPECT_EQ(goal.state(), v1::GOAL_STATE_ACTIVE);
  v1::CreateGoalRequest request = GoalOf("x");
  request.mutable_goal()->set_current_value(10);
  ASSERT_TRUE(Add(request, &goal).ok());
  EXPECT_EQ(goal.state(), v1::GOAL_STATE_ACHIEVED);
}

TEST_F(GoalsTest, ValuesSentForAFactAreNotLookedAt) {
  v1::CreateGoalRequest request = GoalOf("g");
  request.mutable_goal()->set_fact("nps.latest");
  request.mutable_goal()->set_current_value(10);
  v1::Goal goal;
  ASSERT_TRUE(Add(request, &goal).ok());
  EXPECT_FALSE(goal.has_current_value());
  EXPECT_EQ(goal.state(), v1::GOAL_STATE_ACTIVE);
}

TEST_F(GoalsTest, FactsFollowTheGoals) {
  EXPECT_EQ(Fact("acme", "goals.active"), "number: 0");
  ASSERT_TRUE(Add(GoalOf("a")).ok());
  ASSERT_TRUE(Add(GoalOf("b")).ok());
  SetCurrent("a", 5);
  EXPECT_EQ(Fact("acme", "goals.active"), "number: 2");
  EXPECT_EQ(Fact("acme", "goals.progress"), "number: 0.5");
  ASSERT_TRUE(Remove("b").ok());
  EXPECT_EQ(Fact("acme", "goals.active"), "number: 1");
  v1::ListAccountsRequest list;
  list.set_filter("goals.progress = 0.5 AND goals.active = 1");
  v1::ListAccountsResponse response;
  ASSERT_TRUE(Send(*accounts_, &v1::AccountService::Stub::ListAccounts, list, &response).ok());
  EXPECT_EQ(response.accounts_size(), 1) << "the stored facts too";
}

TEST_F(GoalsTest, FactsOfThePastKnowTheGoalsOfThenOnly) {
  const absl::Time noon = clock_.Now();
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Add(GoalOf("g")).ok());
  SetCurrent("g", 2);
  clock_.Advance(absl::Hours(1));
  SetCurrent("g", 10);
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Remove("g").ok());
  EXPECT_EQ(Fact("acme", "goals.active", noon), "number: 0");
  EXPECT_EQ(Fact("acme", "goals.active", noon + absl::Hours(1)), "number: 1");
  EXPECT_EQ(Fact("acme", "goals.progress", noon + absl::Hours(2) - absl::Microseconds(1)), "number: 0.2");
  EXPECT_EQ(Fact("acme", "goals.achieved", noon + absl::Hours(2)), "number: 1");
  EXPECT_EQ(Fact("acme", "goals.achieved", noon + absl::Hours(3)), "number: 0");
}

TEST_F(GoalsTest, WhateverHappensFactsAsOfAMomentAreWhatTheyWereThen) {
  std::mt19937 random(20240630);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Write({Usage("acme", "first", "logins", 1)});
  std::vector<std::pair<absl::Time, Facts>> seen;
  for (int step = 0; step < 150; ++step) {
    clock_.Advance(absl::Minutes(1 + below(1200)));
    const std::string id = absl::StrCat("g", below(6));
    switch (below(6)) {
      case 0: {
        v1::CreateGoalRequest request = below(2) == 0 ? GoalOf(id) : LoginsOf(id, 1 + below(40));
        if (below(2) == 0) {  // to fall
          request.mutable_goal()->set_start_value(50);
          request.mutable_goal()->set_target_value(5);
        }
        SetTimestamp(clock_.Now() + absl::Hours(below(200)), request.mutable_goal()->mutable_due_time());
        (void)Add(request);
        break;
      }
      case 1: {
        v1::UpdateGoalRequest request = ChangeOf(id);
        request.mutable_goal()->set_current_value(below(60));
        (void)Change(request);
        break;
      }
      case 2: {
        v1::UpdateGoalRequest request = ChangeOf(id);
        request.mutable_goal()->set_target_value(below(60) + 0.5);
        if (below(3) == 0) request.mutable_goal()->set_state(static_cast<v1::GoalState>(1 + below(3)));
        (void)Change(request);
        break;
      }
      case 3: (void)Remove(id); break;
      default: Write({Usage("acme", absl::StrCat(step), "logins", below(20))});
    }
    seen.emplace_back(clock_.Now(), FactsOf("acme"));
  }
  std::set<std::string> kinds;
  for (const auto& [time, facts] : seen) {
    EXPECT_EQ(FactsOf("acme", time), facts) << time;
    kinds.insert(absl::StrCat(facts.at("goals.active"), facts.at("goals.achieved"), facts.at("goals.overdue")));
  }
  EXPECT_GT(kinds.size(), 8U) << "the steps must lead somewhere";
}

TEST_F(GoalsTest, AGoalMayHoldSinceAPastMoment) {
  v1::CreateAccountRequest old;
  old.set_account_id("old");
  old.mutable_account()->set_display_name("Old");
  SetTimestamp(At("2024-01-01T00:00:00Z"), old.mutable_account()->mutable_customer_since());
  ASSERT_TRUE(Create(old).ok());
  v1::CreateGoalRequest request = GoalOf("g");
  request.set_parent("accounts/old");
  SetTimestamp(At("2024-02-01T00:00:00Z"), request.mutable_effective_time());
  ASSERT_TRUE(Add(request).ok());
  EXPECT_EQ(Fact("old", "goals.active", At("2024-01-31T00:00:00Z")), "number: 0");
  EXPECT_EQ(Fact("old", "goals.active", At("2024-02-01T00:00:00Z")), "number: 1");
  v1::UpdateGoalRequest change;
  change.mutable_goal()->set_name("accounts/old/goals/g");
  change.mutable_goal()->set_current_value(10);
  SetTimestamp(At("2024-01-15T00:00:00Z"), change.mutable_effective_time());
  EXPECT_EQ(BadFields(Change(change)), (Fields{"effective_time"}));
  SetTimestamp(At("2024-03-01T00:00:00Z"), change.mutable_effective_time());
  v1::Goal goal;
  ASSERT_TRUE(Change(change, &goal).ok());
  EXPECT_EQ(ToTime(goal.achieve_time()), At("2024-03-01T00:00:00Z"));
  EXPECT_EQ(Fact("old", "goals.achieved", At("2024-02-29T00:00:00Z")), "number: 0");
  EXPECT_EQ(Fact("old", "goals.achieved", At("2024-03-01T00:00:00Z")), "number: 1");
}

TEST_F(GoalsTest, OverdueComesWithTheClockAndTheFeedSaysSo) {
  v1::CreateGoalRequest request = GoalOf("g");
  SetTimestamp(clock_.Now() + absl::Hours(2), request.mutable_goal()->mutable_due_time());
  ASSERT_TRUE(Add(request).ok());
  const std::int64_t revision = GetAccount("acme").revision();
  EXPECT_EQ(Fact("acme", "goals.overdue"), "number: 0");
  EXPECT_FALSE(Got("g").overdue());
  clock_.Advance(absl::Hours(2) + absl::Microseconds(1));
  EXPECT_TRUE(Got("g").overdue());
  EXPECT_EQ(Fact("acme", "goals.overdue"), "number: 1");
  EXPECT_TRUE(Eventually([&] { return GetAccount("acme").revision() > revision; }))
      << "without a write, within the day";
}

TEST_F(GoalsTest, TheMaskDecidesWhatChanges) {
  v1::CreateGoalRequest request = GoalOf("g");
  request.mutable_goal()->set_current_value(4);
  SetTimestamp(clock_.Now(), request.mutable_goal()->mutable_due_time());
  ASSERT_TRUE(Add(request).ok());
  v1::UpdateGoalRequest change = ChangeOf("g");
  change.mutable_goal()->set_title("New");
  change.mutable_update_mask()->add_paths("title");
  change.mutable_update_mask()->add_paths("due_time");
  v1::Goal goal;
  ASSERT_TRUE(Change(change, &goal).ok());
  EXPECT_EQ(goal.title(), "New");
  EXPECT_FALSE(goal.has_due_time());
  EXPECT_EQ(goal.current_value(), 4);
  change.mutable_update_mask()->add_paths("size");
  change.mutable_update_mask()->add_paths("start_value");
  EXPECT_EQ(BadFields(Change(change)), (Fields{"goal.start_value", "update_mask"}));
  change = ChangeOf("g");
  change.mutable_update_mask()->add_paths("measure");
  EXPECT_EQ(BadFields(Change(change)), (Fields{"goal.measure"}));
}

TEST_F(GoalsTest, AnAnswerCanBeSentBackUnchanged) {
  Write({Usage("acme", "1", "logins", 30)});
  v1::Goal goal;
  ASSERT_TRUE(Add(LoginsOf("g", 120), &goal).ok());
  v1::UpdateGoalRequest change;
  *change.mutable_goal() = goal;
  v1::Goal after;
  ASSERT_TRUE(Change(change, &after).ok());
  EXPECT_EQ(after.SerializeAsString(), goal.SerializeAsString());
}

TEST_F(GoalsTest, AnEtagGuardsChangeAndDeletion) {
  v1::Goal goal;
  ASSERT_TRUE(Add(GoalOf("g"), &goal).ok());
  SetCurrent("g", 1);
  v1::UpdateGoalRequest change = ChangeOf("g");
  change.mutable_goal()->set_current_value(2);
  change.mutable_goal()->set_etag(goal.etag());
  EXPECT_EQ(Change(change).error_code(), StatusCode::ABORTED);
  EXPECT_EQ(Remove("g", goal.etag()).error_code(), StatusCode::ABORTED);
  EXPECT_EQ(Got("g").current_value(), 1);
  EXPECT_TRUE(Remove("g", Got("g").etag()).ok());
  EXPECT_EQ(Remove("g").error_code(), StatusCode::NOT_FOUND);
}

TEST_F(GoalsTest, OnlyCheckingStoresNothing) {
  v1::CreateGoalRequest request = GoalOf("g");
  request.set_validate_only(true);
  v1::Goal goal;
  ASSERT_TRUE(Add(request, &goal).ok());
  EXPECT_EQ(goal.name(), "accounts/acme/goals/g");
  EXPECT_EQ(Get("g", &goal).error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(Add(GoalOf("g")).ok());
  EXPECT_EQ(Add(request).error_code(), StatusCode::ALREADY_EXISTS);
  v1::UpdateGoalRequest change = ChangeOf("g");
  change.mutable_goal()->set_current_value(10);
  change.set_validate_only(true);
  ASSERT_TRUE(Change(change, &goal).ok());
  EXPECT_EQ(goal.state(), v1::GOAL_STATE_ACHIEVED);
  EXPECT_EQ(Got("g").state(), v1::GOAL_STATE_ACTIVE);
}

TEST_F(GoalsTest, ListsByIdInPages) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(Add(GoalOf(id)).ok());
  v1::ListGoalsRequest request;
  request.set_parent("accounts/acme");
  request.set_page_size(2);
  v1::ListGoalsResponse response;
  ASSERT_TRUE(Send(*goals_, &v1::GoalService::Stub::ListGoals, request, &response).ok());
  ASSERT_EQ(response.goals_size(), 2);
  ASSERT_TRUE(Remove("c").ok());
  request.set_page_token(response.next_page_token());
  ASSERT_TRUE(Send(*goals_, &v1::GoalService::Stub::ListGoals, request, &response).ok());
  EXPECT_EQ(response.goals_size(), 0);
  request.set_show_deleted(true);
  EXPECT_EQ(BadFields(Send(*goals_, &v1::GoalService::Stub::ListGoals, request, &response)), (Fields{"page_token"}))
      << "a token belongs to its request";
}

}  // namespace
}  // namespace perennial::accounts::testing
