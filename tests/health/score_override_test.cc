#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/time_util.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

class ScoreOverrideTest : public HealthFixture {
 protected:
  void SetUp() override {
    accounts_.Put("acme", {{"use", 80.0}, {"said", 50.0}, {"phase", std::string("SUCCESS")}});
    StartReady();
  }
  grpc::Status Set(double score, absl::Time end, v1::HealthScore* out = nullptr) {
    v1::SetHealthScoreOverrideRequest request;
    request.set_name("accounts/acme/healthScore");
    request.mutable_override()->set_score(score);
    request.mutable_override()->set_author("ann");
    request.mutable_override()->set_reason("their sponsor left");
    *request.mutable_override()->mutable_expire_time() = ToTimestamp(end);
    v1::SetHealthScoreOverrideResponse response;
    const grpc::Status status =
        Call(&v1::HealthScoreService::Stub::SetHealthScoreOverride, *scores_, request, &response);
    if (out != nullptr) *out = response.health_score();
    return status;
  }
  grpc::Status Clear(v1::HealthScore* out = nullptr) {
    v1::ClearHealthScoreOverrideRequest request;
    request.set_name("accounts/acme");
    v1::ClearHealthScoreOverrideResponse response;
    const grpc::Status status =
        Call(&v1::HealthScoreService::Stub::ClearHealthScoreOverride, *scores_, request, &response);
    if (out != nullptr) *out = response.health_score();
    return status;
  }
};

TEST_F(ScoreOverrideTest, StandsOverTheComputedScoreWhichIsKeptBeneath) {
  v1::HealthScore score;
  ASSERT_TRUE(Set(20, clock_.Now() + absl::Hours(48), &score).ok());
  EXPECT_EQ(score.score(), 20);
  EXPECT_EQ(score.band(), "red");
  EXPECT_EQ(score.computed_score(), 68);
  EXPECT_EQ(score.override().author(), "ann");
  EXPECT_EQ(score.override().reason(), "their sponsor left");
  EXPECT_EQ(ToTime(score.override().set_time()), clock_.Now());
  accounts_.Put("acme", {{"use", 90.0}, {"said", 50.0}, {"phase", std::string("SUCCESS")}});
  const v1::HealthScore later = Current("acme");
  EXPECT_EQ(later.score(), 20);
  EXPECT_EQ(later.computed_score(), 74);
}

TEST_F(ScoreOverrideTest, EndsAtItsTimeAlsoAfterARestart) {
  ASSERT_TRUE(Set(20, clock_.Now() + absl::Hours(48)).ok());
  Restart();
  EXPECT_EQ(Current("acme").score(), 20);
  EXPECT_EQ(Current("acme").override().reason(), "their sponsor left");
  clock_.Advance(absl::Hours(48));
  ASSERT_TRUE(Eventually([&] { return !Current("acme").has_override(); }));
  EXPECT_EQ(Current("acme").score(), 68);
  EXPECT_FALSE(Current("acme").has_computed_score());
}

TEST_F(ScoreOverrideTest, IsTakenAwayOnce) {
  ASSERT_TRUE(Set(20, clock_.Now() + absl::Hours(48)).ok());
  v1::HealthScore score;
  ASSERT_TRUE(Clear(&score).ok());
  EXPECT_EQ(score.score(), 68);
  EXPECT_FALSE(score.has_override());
  EXPECT_EQ(Clear().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ScoreOverrideTest, HistorySaysThatAPersonDidIt) {
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(Set(20, clock_.Now() + absl::Hours(48)).ok());
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(Clear().ok());
  const auto history = History("acme");
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0].cause(), v1::HEALTH_SCORE_CAUSE_OVERRIDE);
  EXPECT_FALSE(history[0].overridden());
  EXPECT_EQ(history[1].cause(), v1::HEALTH_SCORE_CAUSE_OVERRIDE);
  EXPECT_TRUE(history[1].overridden());
  EXPECT_EQ(history[1].score(), 20);
  EXPECT_EQ(history[1].computed_score(), 68);
}

TEST_F(ScoreOverrideTest, FlagsReadTheScoreThatStands) {
  EXPECT_THAT(Current("acme").open_flags(), ::testing::Contains("not-green"));
  ASSERT_TRUE(Set(90, clock_.Now() + absl::Hours(48)).ok());
  EXPECT_THAT(Current("acme").open_flags(), ::testing::Not(::testing::Contains("not-green")));
}

TEST_F(ScoreOverrideTest, AlsoStandsOverAnUnknownScore) {
  accounts_.Put("acme", {{"phase", std::string("SUCCESS")}});
  EXPECT_FALSE(Current("acme").has_score());
  v1::HealthScore score;
  ASSERT_TRUE(Set(55, clock_.Now() + absl::Hours(1), &score).ok());
  EXPECT_EQ(score.band(), "yellow");
  EXPECT_FALSE(score.has_computed_score());
}

TEST_F(ScoreOverrideTest, IsRefusedOnceTheAccountHasChurnedAndKeptWhenItStoodBefore) {
  ASSERT_TRUE(Set(20, clock_.Now() + absl::Hours(1)).ok());
  accounts_.Put("acme", {{"use", 1.0}, {"phase", std::string("CHURNED")}});
  EXPECT_TRUE(Current("acme").frozen());
  EXPECT_EQ(Current("acme").score(), 20);
  EXPECT_EQ(Set(30, clock_.Now() + absl::Hours(1)).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Clear().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ScoreOverrideTest, IsExplained) {
  ASSERT_TRUE(Set(20, clock_.Now() + absl::Hours(1)).ok());
  const v1::HealthScoreExplanation explanation = Explained("acme");
  EXPECT_EQ(explanation.computed_score(), 68);
  EXPECT_NE(explanation.summary().find("their sponsor left"), std::string::npos) << explanation.summary();
}

TEST_F(ScoreOverrideTest, EveryFaultIsNamed) {
  v1::SetHealthScoreOverrideRequest request;
  request.mutable_override()->set_score(101);
  v1::SetHealthScoreOverrideResponse response;
  const grpc::Status status = Call(&v1::HealthScoreService::Stub::SetHealthScoreOverride, *scores_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"name", "override.score", "override.author", "override.reason", "override.expire_time"}) {
    EXPECT_NE(status.error_message().find(field), std::string::npos) << field << ": " << status.error_message();
  }
}

}  // namespace
}  // namespace perennial::health
