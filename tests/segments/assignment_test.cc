// Who looks after whom: fair, within capacity, explained, and nothing changes before it was seen.

#include "absl/strings/str_cat.h"
#include "tests/segments/engagement_fixture.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::EngagementTest;
using testing::FieldsOf;
using testing::ReasonOf;

class AssignmentTest : public EngagementTest {
 protected:
  void Put(const std::string& id, double mrr, testing::Values more = {}) {
    more["mrr"] = mrr;
    more.try_emplace("phase", std::string("ADOPTION"));
    accounts.Put(id, more);
  }
  v1::GetCoverageResponse Coverage() {
    const auto coverage = engagements->GetCoverage({});
    EXPECT_THAT(coverage, IsOk());
    return coverage.ok() ? *coverage : v1::GetCoverageResponse();
  }
};

TEST_F(AssignmentTest, SharesAccountsByCapacityTheBiggestFirst) {
  CreateManager("ada", 4);
  CreateManager("bob", 2);
  for (int i = 1; i <= 6; ++i) Put(absl::StrCat("a", i), 100 * i);
  Sync();
  const v1::AssignAccountsResponse plan = Assign({});
  EXPECT_THAT(Moves(plan), ElementsAre("accounts/a6 -> managers/ada", "accounts/a5 -> managers/ada",
                                       "accounts/a4 -> managers/bob", "accounts/a3 -> managers/ada",
                                       "accounts/a2 -> managers/ada", "accounts/a1 -> managers/bob"));
  EXPECT_THAT(plan.assignments(0).reason(), HasSubstr("least loaded of 2 who fit: 1 of 4 with it"));
  EXPECT_FALSE(plan.applied());
  // A dry run stores nothing.
  EXPECT_EQ(Coverage().unassigned_count(), 6);
  EXPECT_TRUE(Apply({}).applied());
  EXPECT_EQ(Coverage().unassigned_count(), 0);
  EXPECT_EQ(Engagement("a4").manager().name(), "managers/bob");
  OpenBook();
  EXPECT_EQ(Engagement("a4").manager().name(), "managers/bob");
  EXPECT_EQ(Assign({}).kept_count(), 6);
  EXPECT_THAT(Moves(Assign({})), IsEmpty());
}

TEST_F(AssignmentTest, NamesWhoDoesNotFitAnywhereAndWhy) {
  CreateManager("ada", 1, {"de"});
  Put("big", 200, {{"attributes.language", std::string("de")}});
  Put("small", 100, {{"attributes.language", std::string("de")}});
  Put("french", 50, {{"attributes.language", std::string("fr")}});
  Sync();
  const v1::AssignAccountsResponse plan = Assign({});
  EXPECT_THAT(Moves(plan), ElementsAre("accounts/big -> managers/ada"));
  ASSERT_EQ(plan.unassignable_size(), 2);
  EXPECT_EQ(plan.unassignable_count(), 2);
  EXPECT_EQ(plan.unassignable(0).account(), "accounts/small");
  EXPECT_THAT(plan.unassignable(0).reason(), HasSubstr("capacity"));
  EXPECT_THAT(plan.unassignable(1).reason(), HasSubstr("language"));
}

TEST_F(AssignmentTest, AsksForSkillsRoleAndTradeAndCountsWeights) {
  v1::EngagementModel technical = Model(v1::ENGAGEMENT_TIER_HIGH_TOUCH, 1, "mrr > 1000");
  technical.add_required_skills("api");
  technical.set_manager_profile(v1::MANAGER_PROFILE_TECHNICAL);
  technical.set_account_weight(5);
  CreateModel("technical", technical);
  v1::Manager manager;
  manager.set_capacity(100);
  ASSERT_THAT(TryCreateManager("a-unskilled", manager), IsOk());
  manager.add_skills("api");
  manager.set_profile(v1::MANAGER_PROFILE_COMMERCIAL);
  ASSERT_THAT(TryCreateManager("b-commercial", manager), IsOk());
  manager.set_profile(v1::MANAGER_PROFILE_TECHNICAL);
  manager.add_roles(v1::MANAGER_ROLE_RENEWAL);
  ASSERT_THAT(TryCreateManager("c-renewal", manager), IsOk());
  manager.add_roles(v1::MANAGER_ROLE_ADOPTION);
  manager.set_capacity(9);
  ASSERT_THAT(TryCreateManager("d-right", manager), IsOk());
  Put("one", 3000);
  Put("two", 2000);
  Sync();
  const v1::AssignAccountsResponse plan = Assign({});
  EXPECT_THAT(Moves(plan), ElementsAre("accounts/one -> managers/d-right"));
  EXPECT_EQ(plan.assignments(0).weight(), 5);
  EXPECT_EQ(plan.assignments(0).model(), "engagementModels/technical");
  ASSERT_EQ(plan.unassignable_size(), 1);
  EXPECT_THAT(plan.unassignable(0).reason(), HasSubstr("none of the 1 managers"));
}

TEST_F(AssignmentTest, PrefersContinuityAndLetsOwnersBe) {
  CreateManager("ada", 1);
  CreateManager("bob", 100);
  // Ada has three by owner already, more than she should.
  for (int i = 1; i <= 3; ++i) Put(absl::StrCat("a", i), 100 * i, {{"owner", std::string("ada")}});
  Put("new", 50);
  Sync();
  const v1::AssignAccountsResponse plan = Assign({});
  EXPECT_THAT(Moves(plan), ElementsAre("accounts/new -> managers/bob"));
  EXPECT_EQ(plan.kept_count(), 3);
  // Asked to, she gives up the smallest.
  v1::AssignAccountsRequest rebalance;
  rebalance.set_rebalance(true);
  const v1::AssignAccountsResponse moved = Apply(rebalance);
  EXPECT_THAT(Moves(moved), ElementsAre("accounts/a2 -> managers/bob", "accounts/a1 -> managers/bob",
                                        "accounts/new -> managers/bob"));
  EXPECT_EQ(moved.assignments(0).previous_manager(), "managers/ada");
  EXPECT_THAT(moved.assignments(0).reason(), HasSubstr("managers/ada has more than their capacity"));
  EXPECT_EQ(moved.kept_count(), 1);
  EXPECT_EQ(Engagement("a3").manager().name(), "managers/ada");
  EXPECT_THAT(Engagement("a3").manager_reason(), HasSubstr("owner"));
  EXPECT_EQ(Engagement("a1").manager().name(), "managers/bob");
}

TEST_F(AssignmentTest, MovesAnAccountWhoseManagerFitsNoMore) {
  CreateManager("ada", 10, {"de"});
  CreateManager("bob", 10, {"fr"});
  Put("acme", 100, {{"attributes.language", std::string("de")}});
  Sync();
  Apply({});
  EXPECT_EQ(Engagement("acme").manager().name(), "managers/ada");
  Put("acme", 100, {{"attributes.language", std::string("fr")}});
  Sync();
  const v1::AssignAccountsResponse plan = Assign({});
  EXPECT_THAT(Moves(plan), ElementsAre("accounts/acme -> managers/bob"));
  EXPECT_THAT(plan.assignments(0).reason(), HasSubstr("managers/ada does not speak fr"));
  // With nobody better, continuity is better than nobody.
  Put("acme", 100, {{"attributes.language", std::string("it")}});
  Sync();
  EXPECT_EQ(Assign({}).kept_count(), 1);
}

TEST_F(AssignmentTest, GivesAccountsToWhoIsAskedFor) {
  CreateManager("ada", 10);
  CreateManager("bob", 2);
  for (int i = 1; i <= 3; ++i) Put(absl::StrCat("a", i), 100 * i, {{"owner", std::string("ada")}});
  Sync();
  v1::AssignAccountsRequest request;
  request.set_manager("managers/bob");
  request.set_filter("mrr >= 100");
  const v1::AssignAccountsResponse plan = Apply(request);
  EXPECT_THAT(Moves(plan), ElementsAre("accounts/a3 -> managers/bob", "accounts/a2 -> managers/bob"));
  EXPECT_EQ(plan.assignments(0).previous_manager(), "managers/ada");
  EXPECT_EQ(plan.unassignable_count(), 1);
  EXPECT_EQ(Engagement("a3").manager().name(), "managers/bob");
  EXPECT_EQ(Assign(request).kept_count(), 2);
  request.set_manager("managers/eve");
  EXPECT_THAT(engagements->Assign(request).status(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(AssignmentTest, AppliesOnlyWhatWasSeen) {
  CreateManager("ada", 10);
  Put("acme", 100);
  Sync();
  v1::AssignAccountsRequest request;
  request.set_apply(true);
  EXPECT_THAT(FieldsOf(engagements->Assign(request).status()), ElementsAre("etag"));
  request.set_etag(Assign({}).etag());
  Put("beta", 200);
  Sync();
  const absl::Status stale = engagements->Assign(request).status();
  EXPECT_THAT(stale, HasCode(absl::StatusCode::kAborted));
  EXPECT_EQ(ReasonOf(stale), "STALE_PROPOSAL");
  EXPECT_EQ(Coverage().unassigned_count(), 2);
  request.set_limit(-1);
  request.set_etag("");
  request.set_manager("x");
  request.set_filter(" ");
  request.set_author(std::string(129, 'x'));
  EXPECT_THAT(FieldsOf(engagements->Assign(request).status()),
              ElementsAre("filter", "manager", "etag", "limit", "author"));
}

TEST_F(AssignmentTest, GoesOnWhereTheLimitWas) {
  CreateManager("ada", 100);
  for (int i = 1; i <= 5; ++i) Put(absl::StrCat("a", i), 100 * i);
  Sync();
  v1::AssignAccountsRequest request;
  request.set_limit(2);
  EXPECT_EQ(Apply(request).remaining_count(), 3);
  EXPECT_EQ(Apply(request).remaining_count(), 1);
  EXPECT_EQ(Apply(request).remaining_count(), 0);
  EXPECT_EQ(Coverage().unassigned_count(), 0);
}

TEST_F(AssignmentTest, DigitalAndFormerCustomersNeedNobody) {
  CreateModel("digital", Model(v1::ENGAGEMENT_TIER_DIGITAL, 1, "mrr < 50"));
  CreateManager("ada", 100);
  Put("small", 10);
  Put("gone", 100, {{"phase", std::string("CHURNED")}});
  Put("lapsed", 100, {{"phase", std::string("TRIAL")}, {"is_trial", false}});
  Sync();
  EXPECT_THAT(Moves(Assign({})), IsEmpty());
  EXPECT_EQ(Coverage().unassigned_count(), 0);
}

TEST_F(AssignmentTest, CoverageShowsEachBookOfBusiness) {
  CreateManager("ada", 3);
  CreateManager("idle", 5);
  Put("late", 100, {{"owner", std::string("ada")}, {"touch.days_since_last", 11.0}, {"renewal_days", 90.0}});
  Put("today", 200, {{"owner", std::string("ada")}, {"touch.days_since_last", 10.0}, {"renewal_days", 91.0}});
  Put("orphan", 400, {{"touch.days_since_last", 50.0}});
  Put("poor", 1, {{"touch.days_since_last", 0.0}});
  scores.Put("late", {.score = 25.0, .facts_revision = accounts.revision()});
  Sync();
  const v1::GetCoverageResponse coverage = Coverage();
  ASSERT_EQ(coverage.books_size(), 2);
  const v1::ManagerBook& ada = coverage.books(0);
  EXPECT_EQ(ada.manager(), "managers/ada");
  EXPECT_EQ(ada.accounts(), 2);
  EXPECT_EQ(ada.load(), 2);
  EXPECT_EQ(ada.capacity(), 3);
  EXPECT_EQ(ada.mrr().amount(), "300");
  EXPECT_EQ(ada.value_at_risk().amount(), "175");  // 100 * 0.75 + 200 * 0.5
  EXPECT_EQ(ada.overdue_touches(), 1);
  EXPECT_EQ(ada.due_today(), 1);
  EXPECT_EQ(ada.renewals_90d(), 1);
  EXPECT_EQ(coverage.books(1).accounts(), 0);
  EXPECT_EQ(coverage.unassigned_count(), 2);
  EXPECT_EQ(coverage.unassigned_mrr().amount(), "401");
  EXPECT_THAT(coverage.unassigned_sample(), ElementsAre("accounts/orphan", "accounts/poor"));
  EXPECT_EQ(coverage.overdue_touches(), 2);
  ASSERT_EQ(coverage.models_size(), 1);
  EXPECT_EQ(coverage.models(0).accounts(), 4);
  EXPECT_EQ(coverage.models(0).unassigned(), 2);
  EXPECT_EQ(coverage.models(0).overdue_touches(), 2);
  v1::GetCoverageRequest bad;
  bad.set_list_size(-1);
  EXPECT_THAT(FieldsOf(engagements->GetCoverage(bad).status()), ElementsAre("list_size"));
}

TEST_F(AssignmentTest, AManagerWithAccountsIsDeletedOnlyByForce) {
  CreateManager("ada", 3);
  Put("acme", 100);
  Sync();
  Apply({});
  v1::DeleteManagerRequest request;
  request.set_name("managers/ada");
  EXPECT_EQ(ReasonOf(managers->Delete(request).status()), "MANAGER_HAS_ACCOUNTS");
  request.set_force(true);
  EXPECT_THAT(managers->Delete(request), IsOk());
  EXPECT_FALSE(Engagement("acme").has_manager());
  OpenBook();
  EXPECT_FALSE(Engagement("acme").has_manager());
  EXPECT_THAT(managers->Delete(request).status(), HasCode(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace perennial::segments
