// LifecycleService over the wire: rules as revisions, moves by hand, and time in each phase.
#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/goal_service.grpc.pb.h"
#include "tests/accounts/lifecycle_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Fields = std::vector<std::string>;
using Stub = v1::LifecycleService::Stub;

class LifecycleServiceTest : public LifecycleFixture {};

TEST_F(LifecycleServiceTest, TheFirstRevisionIsWhatComesWithTheProgram) {
  const v1::LifecycleRules rules = Rules();
  EXPECT_EQ(rules.adoption_at_progress(), 1);
  ASSERT_EQ(rules.adoption_at_steps_size(), 1);
  EXPECT_EQ(rules.adoption_at_steps(0), "first_value");
  EXPECT_EQ(rules.adoption_after_days(), 90);
  EXPECT_EQ(rules.success_after_days(), 180);
  EXPECT_EQ(rules.success_after_goals(), 0);
  EXPECT_EQ(rules.churn_grace_days(), 0);
  EXPECT_EQ(rules.revision(), 1);
  EXPECT_EQ(rules.author(), "perennial");
}

TEST_F(LifecycleServiceTest, AnUpdateIsANewRevisionAndTheOldOneStays) {
  v1::LifecycleRules rules = Rules();
  rules.set_adoption_after_days(30);
  rules.clear_adoption_at_progress();
  v1::LifecycleRules updated;
  ASSERT_TRUE(UpdateRules(UpdateOf(rules), &updated).ok());
  EXPECT_EQ(updated.revision(), 2);
  EXPECT_EQ(updated.author(), "ann");
  EXPECT_EQ(updated.note(), "shorter");
  EXPECT_EQ(ToTime(updated.revision_time()), clock_.Now());
  EXPECT_NE(updated.etag(), rules.etag());
  EXPECT_EQ(Rules().SerializeAsString(), updated.SerializeAsString());
  EXPECT_EQ(Rules(1).adoption_after_days(), 90);
  EXPECT_FALSE(updated.has_adoption_at_progress());
}

TEST_F(LifecycleServiceTest, RulesThatDoNotDifferMakeNoRevision) {
  v1::LifecycleRules updated;
  ASSERT_TRUE(UpdateRules(UpdateOf(Rules()), &updated).ok());
  EXPECT_EQ(updated.revision(), 1);
}

TEST_F(LifecycleServiceTest, AStaleEtagAborts) {
  v1::LifecycleRules rules = Rules();
  rules.set_success_after_days(10);
  ASSERT_TRUE(UpdateRules(UpdateOf(rules)).ok());
  rules.set_success_after_days(20);
  EXPECT_EQ(UpdateRules(UpdateOf(rules)).error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(Rules().success_after_days(), 10);
}

TEST_F(LifecycleServiceTest, ValidateOnlyChangesNoRules) {
  v1::LifecycleRules rules = Rules();
  rules.set_success_after_days(10);
  v1::UpdateLifecycleRulesRequest request = UpdateOf(rules);
  request.set_validate_only(true);
  v1::LifecycleRules updated;
  ASSERT_TRUE(UpdateRules(request, &updated).ok());
  EXPECT_EQ(updated.revision(), 2);
  EXPECT_EQ(Rules().revision(), 1);
}

TEST_F(LifecycleServiceTest, RevisionsAreListedNewestFirst) {
  for (int days = 1; days <= 4; ++days) {
    v1::LifecycleRules rules = Rules();
    rules.set_churn_grace_days(days);
    ASSERT_TRUE(UpdateRules(UpdateOf(rules)).ok());
  }
  v1::ListLifecycleRulesRevisionsRequest request;
  request.set_page_size(3);
  v1::ListLifecycleRulesRevisionsResponse page;
  ASSERT_TRUE(Send(*lifecycle_, &Stub::ListLifecycleRulesRevisions, request, &page).ok());
  ASSERT_EQ(page.revisions_size(), 3);
  EXPECT_EQ(page.revisions(0).revision(), 5);
  request.set_page_token(page.next_page_token());
  ASSERT_TRUE(Send(*lifecycle_, &Stub::ListLifecycleRulesRevisions, request, &page).ok());
  ASSERT_EQ(page.revisions_size(), 2);
  EXPECT_EQ(page.revisions(1).revision(), 1);
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(LifecycleServiceTest, NamesEveryBadFieldOfRules) {
  EXPECT_EQ(BadFields(UpdateRules({})), (Fields{"author", "rules"}));
  v1::LifecycleRules rules;
  rules.set_adoption_at_progress(1.5);
  for (const char* step : {"ok", "Bad", "ok"}) rules.add_adoption_at_steps(step);
  rules.set_adoption_after_days(-1);
  rules.set_success_after_goals(101);
  rules.set_churn_grace_days(366);
  EXPECT_EQ(BadFields(UpdateRules(UpdateOf(rules))),
            (Fields{"rules.adoption_after_days", "rules.adoption_at_progress", "rules.adoption_at_steps[1]",
                    "rules.adoption_at_steps[2]", "rules.churn_grace_days", "rules.success_after_days",
                    "rules.success_after_goals"}));
  v1::GetLifecycleRulesRequest request;
  request.set_revision(99);
  v1::GetLifecycleRulesResponse response;
  EXPECT_EQ(Send(*lifecycle_, &Stub::GetLifecycleRules, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(LifecycleServiceTest, NewRulesChangeThePhasesOfAllAccountsAlsoOfThePast) {
  for (int i = 0; i < 450; ++i) {
    CreateAccount(absl::StrCat("a", i));
    Subscribe(Ago(50), absl::StrCat("a", i));
  }
  Subscribe(Ago(50));
  EXPECT_EQ(Phases(), "ONBOARDING 50");
  v1::LifecycleRules rules = Rules();
  rules.set_adoption_after_days(30);
  ASSERT_TRUE(UpdateRules(UpdateOf(rules)).ok());
  v1::ListAccountsRequest list;
  list.set_filter("phase = ADOPTION");
  list.set_page_size(1000);
  v1::ListAccountsResponse response;
  EXPECT_TRUE(Eventually([&] {
    return Send(*accounts_, &v1::AccountService::Stub::ListAccounts, list, &response).ok() &&
           response.accounts_size() == 451;
  })) << response.accounts_size();
  EXPECT_EQ(Phases(), "ONBOARDING 50, ADOPTION 20");
}

TEST_F(LifecycleServiceTest, AMoveIsKeptWithReasonAndAuthorAndShownInTheFacts) {
  Subscribe(Ago(50));
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  EXPECT_EQ(Text(moved_.phase_changes()), "ONBOARDING 50, SUCCESS 10");
  EXPECT_EQ(moved_.phase_changes(1).cause(), "they said so");
  EXPECT_EQ(moved_.phase_changes(1).author(), "ann");
  EXPECT_EQ(moved_.phase_changes(0).author(), "");
  EXPECT_EQ(moved_.revision(), GetAccount("acme").revision());
  EXPECT_EQ(Fact("acme", "phase"), "text: \"SUCCESS\"");
  EXPECT_EQ(Fact("acme", "phase_days"), "number: 10");
  EXPECT_EQ(Phases(), "ONBOARDING 50, SUCCESS 10");
}

TEST_F(LifecycleServiceTest, BeforeItsMomentNothingKnowsOfAMove) {
  Subscribe(Ago(50));
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  EXPECT_EQ(Fact("acme", "phase", Ago(10) - absl::Microseconds(1)), "text: \"ONBOARDING\"");
  EXPECT_EQ(Fact("acme", "phase", Ago(10)), "text: \"SUCCESS\"");
  EXPECT_EQ(Text(Lifecycle(Ago(11)).phase_changes()), "ONBOARDING 50");
}

TEST_F(LifecycleServiceTest, ASecondMoveAtTheSameMomentReplacesTheFirst) {
  Subscribe(Ago(50));
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_TRIAL, Ago(10))).ok());
  EXPECT_EQ(Phases(), "ONBOARDING 50, TRIAL 10");
}

TEST_F(LifecycleServiceTest, AMoveToThePhaseThatItIsInIsRefused) {
  Subscribe(Ago(50));
  EXPECT_EQ(BadFields(Move(MoveOf(v1::LIFECYCLE_PHASE_ONBOARDING, Ago(10)))), Fields{"phase"});
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  EXPECT_EQ(BadFields(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(5)))), Fields{"phase"});
  EXPECT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok()) << "the same again";
}

TEST_F(LifecycleServiceTest, AMoveCanBeTakenBack) {
  Subscribe(Ago(50));
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_SUCCESS, Ago(10))).ok());
  ASSERT_TRUE(Undo(Ago(10)).ok());
  EXPECT_EQ(Phases(), "ONBOARDING 50");
  EXPECT_EQ(Fact("acme", "phase"), "text: \"ONBOARDING\"");
  EXPECT_EQ(Undo(Ago(10)).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(LifecycleServiceTest, ValidateOnlyShowsWhatAMoveWouldDo) {
  Subscribe(Ago(50));
  v1::MoveAccountPhaseRequest request = MoveOf(v1::LIFECYCLE_PHASE_ADOPTION, Ago(10));
  request.set_validate_only(true);
  ASSERT_TRUE(Move(request).ok());
  EXPECT_EQ(Text(moved_.phase_changes()), "ONBOARDING 50, ADOPTION 10");
  EXPECT_EQ(Phases(), "ONBOARDING 50");
}

TEST_F(LifecycleServiceTest, ARequestThatIsSentAgainMovesOnce) {
  Subscribe(Ago(50));
  v1::MoveAccountPhaseRequest request = MoveOf(v1::LIFECYCLE_PHASE_ADOPTION);
  request.set_request_id("a");
  ASSERT_TRUE(Move(request).ok());
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Move(request).ok());
  EXPECT_EQ(moved_.phase_changes_size(), 2);
  request.set_reason("another");
  EXPECT_EQ(BadFields(Move(request)), Fields{"request_id"});
}

TEST_F(LifecycleServiceTest, NamesEveryBadFieldOfAMove) {
  EXPECT_EQ(BadFields(Move({})), (Fields{"author", "name", "phase", "reason"}));
  v1::MoveAccountPhaseRequest request = MoveOf(static_cast<v1::LifecyclePhase>(9), clock_.Now() + absl::Seconds(1));
  EXPECT_EQ(BadFields(Move(request)), (Fields{"effective_time", "phase"}));
  request = MoveOf(v1::LIFECYCLE_PHASE_TRIAL);
  request.set_name("accounts/nobody");
  EXPECT_EQ(Move(request).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(LifecycleServiceTest, TellsTheTimeInEachPhase) {
  Subscribe(Ago(150));
  ASSERT_TRUE(Move(MoveOf(v1::LIFECYCLE_PHASE_ONBOARDING, Ago(10))).ok());
  const v1::GetAccountLifecycleResponse lifecycle = Lifecycle();
  EXPECT_EQ(Text(lifecycle.phase_changes()), "ONBOARDING 150, ADOPTION 60, ONBOARDING 10");
  ASSERT_EQ(lifecycle.durations_size(), 2);
  EXPECT_EQ(lifecycle.durations(0).phase(), v1::LIFECYCLE_PHASE_ONBOARDING);
  EXPECT_EQ(lifecycle.durations(0).days(), 100);
  EXPECT_EQ(lifecycle.durations(0).times_entered(), 2);
  EXPECT_EQ(lifecycle.durations(1).days(), 50);
  EXPECT_EQ(lifecycle.rules_revision(), 1);
  EXPECT_EQ(Lifecycle(Ago(149) - absl::Hours(12)).durations(0).days(), 0.5);
}

TEST_F(LifecycleServiceTest, RefusesAMomentThatHasNotCome) {
  v1::GetAccountLifecycleRequest request;
  request.set_name("acme");
  SetTimestamp(clock_.Now() + absl::Hours(1), request.mutable_as_of());
  v1::GetAccountLifecycleResponse response;
  EXPECT_EQ(BadFields(Send(*lifecycle_, &Stub::GetAccountLifecycle, request, &response)), (Fields{"as_of", "name"}));
}

TEST_F(LifecycleServiceTest, SuccessAfterGoalsComesWhenOneIsReached) {
  Subscribe(Ago(400));
  EXPECT_EQ(Phases(), "ONBOARDING 400, ADOPTION 310, SUCCESS 130");
  v1::LifecycleRules rules = Rules();
  rules.set_success_after_goals(1);
  ASSERT_TRUE(UpdateRules(UpdateOf(rules)).ok());
  EXPECT_TRUE(Eventually([&] { return Phases() == "ONBOARDING 400, ADOPTION 310"; })) << Phases();
  const auto goals = v1::GoalService::NewStub(channel_);
  v1::CreateGoalRequest goal;
  goal.set_parent("accounts/acme");
  goal.set_goal_id("use");
  goal.mutable_goal()->set_title("Use it");
  goal.mutable_goal()->set_fact("usage.logins.sum_30d");
  goal.mutable_goal()->set_start_value(0);
  goal.mutable_goal()->set_target_value(5);
  Write({Usage("acme", "1", "logins", 1)});
  v1::CreateGoalResponse created;
  ASSERT_TRUE(Send(*goals, &v1::GoalService::Stub::CreateGoal, goal, &created).ok());
  Write({Usage("acme", "2", "logins", 7)});
  EXPECT_TRUE(Eventually([&] { return Phases() == "ONBOARDING 400, ADOPTION 310, SUCCESS 0"; })) << Phases();
}

}  // namespace
}  // namespace perennial::accounts::testing
