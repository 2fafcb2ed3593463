// What becomes of scores over churn, deletion and restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

const std::string kChurned = "CHURNED";
const std::string kSuccess = "SUCCESS";

class HealthLifecycleTest : public HealthFixture {};

TEST_F(HealthLifecycleTest, KeepsTheScoreOfAnAccountThatChurns) {
  StartReady();
  accounts_.Put("acme", {{"use", 80.0}, {"phase", kSuccess}});
  ASSERT_EQ(Current("acme").score(), 80);
  accounts_.Put("acme", {{"use", 0.0}, {"phase", kChurned}});
  EXPECT_DOUBLE_EQ(Current("acme").score(), 80);
  EXPECT_TRUE(Current("acme").frozen());
  EXPECT_DOUBLE_EQ(Current("acme").measures(0).score(), 80);
  EXPECT_THAT(Explained("acme").summary(), HasSubstr("Kept from before the account churned"));
  EXPECT_NEAR(Explained("acme").computed_score(), 80, 1e-9);
}

TEST_F(HealthLifecycleTest, ScoresAnAccountThatComesBack) {
  StartReady();
  accounts_.Put("acme", {{"use", 80.0}, {"phase", kSuccess}});
  (void)Current("acme");
  accounts_.Put("acme", {{"use", 0.0}, {"phase", kChurned}});
  (void)Current("acme");
  accounts_.Put("acme", {{"use", 30.0}, {"phase", kSuccess}});
  EXPECT_DOUBLE_EQ(Current("acme").score(), 30);
  EXPECT_FALSE(Current("acme").frozen());
}

TEST_F(HealthLifecycleTest, KnowsNoScoreOfAnAccountFirstSeenChurned) {
  accounts_.Put("acme", {{"use", 80.0}, {"phase", kChurned}});
  StartReady();
  EXPECT_FALSE(Current("acme").has_score());
  EXPECT_TRUE(Current("acme").frozen());
  EXPECT_FALSE(Explained("acme").has_computed_score());
}

TEST_F(HealthLifecycleTest, KeepsAFrozenScoreOverARestart) {
  StartReady();
  accounts_.Put("acme", {{"use", 80.0}, {"phase", kSuccess}});
  (void)Current("acme");
  accounts_.Put("acme", {{"use", 0.0}, {"phase", kChurned}});
  const v1::HealthScore before = Current("acme");
  Restart();
  EXPECT_EQ(Current("acme").SerializeAsString(), before.SerializeAsString());
}

TEST_F(HealthLifecycleTest, ForgetsADeletedAccount) {
  StartReady();
  accounts_.Put("acme", {{"use", 80.0}, {"urgent", 1.0}});
  (void)Current("acme");
  const std::int64_t revision = accounts_.Delete("acme");
  v1::HealthScore score;
  EXPECT_EQ(Get("accounts/acme", revision, &score).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ListFlags({}).flags_size(), 0);
  Restart();
  EXPECT_EQ(Get("accounts/acme", revision, &score).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(HealthLifecycleTest, ScoresAnAccountThatWasUndeleted) {
  StartReady();
  accounts_.Put("acme", {{"use", 80.0}});
  (void)Current("acme");
  accounts_.Delete("acme");
  accounts_.Put("acme", {{"use", 60.0}});
  EXPECT_DOUBLE_EQ(Current("acme").score(), 60);
}

TEST_F(HealthLifecycleTest, ForgetsAnAccountThatWasPurgedWhileItWasAway) {
  accounts_.Put("a", {{"use", 80.0}});
  accounts_.Put("b", {{"use", 80.0}});
  StartReady();
  Stop();
  accounts_.Purge("a");
  StartReady();
  v1::HealthScore score;
  EXPECT_EQ(Get("accounts/a", 0, &score).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_DOUBLE_EQ(Current("b").score(), 80);
}

TEST_F(HealthLifecycleTest, ChangesNothingByARestart) {
  for (int i = 0; i < 450; ++i) {
    accounts_.Put(absl::StrCat("a", i), {{"use", i % 101 * 1.0}, {"urgent", i % 3 * 1.0}, {"said", 1.0 / (i + 1)}});
  }
  StartReady();
  std::map<std::string, std::string> before;
  for (int i = 0; i < 450; ++i) before[absl::StrCat("a", i)] = Current(absl::StrCat("a", i)).SerializeAsString();
  const std::string flags = ListFlags({}).SerializeAsString();
  clock_.Advance(absl::Minutes(5));  // an entry of history written now would be seen
  Restart();
  for (const auto& [account, score] : before) {
    ASSERT_EQ(Current(account).SerializeAsString(), score) << account;
    ASSERT_EQ(History(account).size(), 1U) << account;
  }
  EXPECT_EQ(ListFlags({}).SerializeAsString(), flags);
}

TEST_F(HealthLifecycleTest, AnswersFromTheStoreBeforeFactsHaveCome) {
  accounts_.Put("acme", {{"use", 80.0}});
  StartReady();
  Stop();
  accounts_.Interrupt();
  ASSERT_TRUE(Start());
  v1::HealthScore score;
  EXPECT_TRUE(Get("accounts/acme", 0, &score).ok());
  EXPECT_DOUBLE_EQ(score.score(), 80);
  EXPECT_EQ(Get("accounts/nobody", 0, &score).error_code(), grpc::StatusCode::NOT_FOUND);
  v1::ExplainHealthScoreRequest request;
  request.set_name("accounts/acme");
  v1::ExplainHealthScoreResponse response;
  EXPECT_EQ(Call(&v1::HealthScoreService::Stub::ExplainHealthScore, *scores_, request, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  accounts_.Resume();
  EXPECT_TRUE(WaitReady());
}

TEST_F(HealthLifecycleTest, ResumesTheFeedAfterAnInterruption) {
  StartReady();
  accounts_.Put("a", {{"use", 10.0}});
  EXPECT_DOUBLE_EQ(Current("a").score(), 10);
  accounts_.Interrupt();
  accounts_.Put("a", {{"use", 20.0}});
  accounts_.Put("b", {{"use", 30.0}});
  accounts_.Resume();
  EXPECT_DOUBLE_EQ(Current("a").score(), 20);
  EXPECT_DOUBLE_EQ(Current("b").score(), 30);
}

TEST_F(HealthLifecycleTest, ReadsTheFeedAnewWhenItWasPutBack) {
  StartReady();
  for (const char* id : {"a", "b", "c"}) accounts_.Put(id, {{"use", 10.0}});
  (void)Current("c");
  accounts_.Interrupt();
  accounts_.PutBack({{"a", {{"use", 20.0}}}});
  accounts_.Resume();
  ASSERT_TRUE(Eventually([&] {
    v1::HealthScore score;
    return Get("accounts/a", 0, &score).ok() && score.score() > 15;
  }));
  v1::HealthScore score;
  EXPECT_TRUE(Eventually([&] { return Get("accounts/b", 0, &score).error_code() == grpc::StatusCode::NOT_FOUND; }));
  accounts_.Put("d", {{"use", 40.0}});
  EXPECT_DOUBLE_EQ(Current("d").score(), 40);
}

TEST_F(HealthLifecycleTest, ScoresAnewWithAChangedScorecard) {
  accounts_.Put("acme", {{"use", 80.0}, {"said", 20.0}});
  StartReady();
  const v1::HealthScore before = Current("acme");
  Stop();
  scorecards_ =
      "scorecards { id: 'general' revision: 2 groups { id: 'g' weight: 1 } "
      "measures { id: 'said' group: 'g' fact: 'said' weight: 1 missing: MISSING_POLICY_ZERO "
      "curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } } bands { id: 'any' } }";
  clock_.Advance(absl::Hours(1));
  StartReady();
  const v1::HealthScore after = Current("acme");
  EXPECT_DOUBLE_EQ(after.score(), 20);
  EXPECT_EQ(after.scorecard_revision(), 2);
  EXPECT_GT(after.revision(), before.revision());
  ASSERT_EQ(after.measures_size(), 1);
  EXPECT_EQ(History("acme").size(), 2U);
}

TEST_F(HealthLifecycleTest, RefusesAFolderThatAnotherProcessUses) {
  StartReady();
  auto second = HealthProcess::Start({.data = folder_.path(),
                                      .accounts = accounts_.channel(),
                                      .scorecards = *ParseScorecards(kDefaultScorecards),
                                      .flag_rules = *ParseFlagRules(kDefaultFlagRules)},
                                     clock_);
  EXPECT_THAT(second, perennial::testing::HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(HealthLifecycleTest, RefusesABadConfigurationWithEveryFault) {
  auto second = HealthProcess::Start({.data = folder_.path(),
                                      .accounts = accounts_.channel(),
                                      .scorecards = v1::ScorecardSet(),
                                      .flag_rules = v1::FlagRuleSet()},
                                     clock_);
  EXPECT_THAT(second, perennial::testing::HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("scorecards must have at least one scorecard"));
}

}  // namespace
}  // namespace perennial::health
