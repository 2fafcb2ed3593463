#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "health-svc/hierarchy.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

class RollUpTest : public HealthFixture {
 protected:
  void Put(const std::string& account, double score, std::optional<double> mrr, const std::string& parent,
           const std::string& phase = "SUCCESS") {
    FactMap facts = {{"use", score}, {"said", score}, {"urgent", 0.0}, {"phase", phase}};
    if (mrr.has_value()) facts["mrr"] = *mrr;
    if (!parent.empty()) facts["parent"] = parent;
    accounts_.Put(account, facts);
  }
  grpc::Status RollUp(const std::string& account, v1::GetHealthScoreRollUpResponse* out) {
    v1::GetHealthScoreRollUpRequest request;
    request.set_account(account);
    request.set_min_facts_revision(accounts_.revision());
    return Call(&v1::HealthScoreService::Stub::GetHealthScoreRollUp, *scores_, request, out);
  }
  v1::GetHealthScoreRollUpResponse RolledUp(const std::string& account) {
    v1::GetHealthScoreRollUpResponse out;
    const grpc::Status status = RollUp("accounts/" + account, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    double sum = 0;
    for (const auto& part : out.parts()) sum += part.contribution();
    if (out.has_score()) {
      EXPECT_NEAR(sum, out.score(), 1e-9);
    }
    return out;
  }
};

TEST_F(RollUpTest, WeighsAllBelowByMrr) {
  Put("top", 50, 100, "");
  Put("left", 80, 300, "top");
  Put("right", 20, 100, "accounts/top");
  Put("below-left", 100, 500, "left");
  Put("elsewhere", 0, 1000, "");
  StartReady();
  const auto out = RolledUp("top");
  EXPECT_NEAR(out.score(), (50.0 * 100 + 80 * 300 + 20 * 100 + 100 * 500) / 1000, 1e-9);
  EXPECT_EQ(out.band(), "green");
  EXPECT_EQ(out.coverage(), 1);
  ASSERT_EQ(out.parts_size(), 4);
  EXPECT_EQ(out.parts(0).account(), "accounts/below-left");
  EXPECT_DOUBLE_EQ(out.parts(0).weight(), 0.5);
  EXPECT_EQ(out.parts(2).account(), "accounts/right") << "the same weight as top: by name";
  EXPECT_EQ(RolledUp("left").parts_size(), 2);
  EXPECT_EQ(RolledUp("below-left").score(), 100);
}

TEST_F(RollUpTest, LeavesOutWhoChurnedButNotWhoIsBelow) {
  Put("top", 50, 100, "");
  Put("gone", 0, 0, "top", "CHURNED");
  Put("below", 90, 300, "gone");
  StartReady();
  const auto out = RolledUp("top");
  ASSERT_EQ(out.parts_size(), 2);
  EXPECT_DOUBLE_EQ(out.score(), 80);
}

TEST_F(RollUpTest, CoversTheMrrWhoseScoreIsKnown) {
  Put("top", 50, 100, "");
  accounts_.Put("unknown", {{"mrr", 300.0}, {"parent", std::string("top")}});
  StartReady();
  auto out = RolledUp("top");
  EXPECT_DOUBLE_EQ(out.score(), 50);
  EXPECT_DOUBLE_EQ(out.coverage(), 0.25);
  ASSERT_EQ(out.parts_size(), 2);
  EXPECT_FALSE(out.parts(1).has_score());
  EXPECT_EQ(out.parts(1).weight(), 0);
  EXPECT_DOUBLE_EQ(out.parts(1).mrr(), 300);
  out = RolledUp("unknown");
  EXPECT_FALSE(out.has_score());
  EXPECT_EQ(out.band(), "");
}

TEST_F(RollUpTest, CountsHeadsWhenNobodyPays) {
  Put("top", 10, std::nullopt, "");
  Put("child", 40, 0, "top");
  StartReady();
  const auto out = RolledUp("top");
  EXPECT_DOUBLE_EQ(out.score(), 25);
  EXPECT_EQ(out.coverage(), 1);
}

TEST_F(RollUpTest, FollowsMovesAndDeletions) {
  Put("top", 50, 100, "");
  Put("new-top", 50, 100, "");
  Put("child", 100, 100, "top");
  StartReady();
  EXPECT_DOUBLE_EQ(RolledUp("top").score(), 75);
  Put("child", 100, 100, "new-top");
  EXPECT_DOUBLE_EQ(RolledUp("top").score(), 50);
  EXPECT_DOUBLE_EQ(RolledUp("new-top").score(), 75);
  Restart();
  EXPECT_DOUBLE_EQ(RolledUp("new-top").score(), 75);
  accounts_.Delete("child");
  EXPECT_DOUBLE_EQ(RolledUp("new-top").score(), 50);
}

TEST_F(RollUpTest, EndsWhenParentsGoRoundInCircles) {
  Put("a", 10, 100, "c");
  Put("b", 40, 100, "a");
  Put("c", 70, 100, "b");
  StartReady();
  for (const std::string account : {"a", "b", "c"}) {
    EXPECT_DOUBLE_EQ(RolledUp(account).score(), 40);
    EXPECT_EQ(RolledUp(account).parts_size(), 3);
  }
}

TEST_F(RollUpTest, TakesOverridesAsScores) {
  Put("top", 50, 100, "");
  StartReady();
  v1::SetHealthScoreOverrideRequest request;
  request.set_name("accounts/top");
  request.mutable_override()->set_score(90);
  request.mutable_override()->set_author("ann");
  request.mutable_override()->set_reason("renewed by phone");
  request.mutable_override()->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 86400);
  v1::SetHealthScoreOverrideResponse response;
  ASSERT_TRUE(Call(&v1::HealthScoreService::Stub::SetHealthScoreOverride, *scores_, request, &response).ok());
  EXPECT_DOUBLE_EQ(RolledUp("top").score(), 90);
}

TEST_F(RollUpTest, RefusesWhatIsNotThereAndWhatIsTooLarge) {
  Put("top", 50, 100, "");
  for (int i = 0; i < 10'001; ++i)
    accounts_.Put(absl::StrCat("child-", i), {{"use", 1.0}, {"parent", std::string("top")}});
  StartReady();
  v1::GetHealthScoreRollUpResponse out;
  EXPECT_EQ(RollUp("accounts/top", &out).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(RollUp("accounts/none", &out).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(RollUp("top", &out).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  accounts_.Delete("child-0");
  EXPECT_TRUE(RollUp("accounts/top", &out).ok());
  EXPECT_EQ(out.parts_size(), 10'001);
}

TEST(HierarchyTest, ForgetsParentsThatHaveNoChildren) {
  Hierarchy hierarchy;
  hierarchy.SetParent(1, "top");
  hierarchy.SetParent(2, "accounts/top");
  ASSERT_NE(hierarchy.ChildrenOf("top"), nullptr);
  EXPECT_EQ(hierarchy.ChildrenOf("top")->size(), 2U);
  hierarchy.SetParent(1, std::nullopt);
  hierarchy.SetParent(2, "other");
  EXPECT_EQ(hierarchy.ChildrenOf("top"), nullptr);
  ASSERT_NE(hierarchy.ChildrenOf("other"), nullptr);
  EXPECT_TRUE(hierarchy.ChildrenOf("other")->contains(2));
}

}  // namespace
}  // namespace perennial::health
