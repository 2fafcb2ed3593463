#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "common/base/time_util.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

// "said" is carried for ten days.
constexpr const char* kCarrying =
    "scorecards { id: 'general' revision: 1 groups { id: 'g' weight: 1 } "
    "measures { id: 'use' group: 'g' fact: 'use' weight: 1 missing: MISSING_POLICY_REDISTRIBUTE "
    "  curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } } "
    "measures { id: 'said' group: 'g' fact: 'said' weight: 1 missing: MISSING_POLICY_CARRY carry_days: 10 "
    "  curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } } "
    "bands { id: 'red' } bands { id: 'green' lower_bound: 50 } }";

class CarriedScoresTest : public HealthFixture {
 protected:
  CarriedScoresTest() {
    scorecards_ = kCarrying;
    rules_ = "";
    accounts_.Put("other", {{"use", 1.0}, {"said", 1.0}});  // both facts are known
  }
  // The next day begins, with these facts.
  void NextDay(const FactMap& facts) {
    clock_.Advance(absl::Hours(24));
    Today(facts);
  }
  void Today(const FactMap& facts) {
    accounts_.SetAsOf(clock_.Now());
    accounts_.Put("acme", facts);
  }
  // Whether the live score comes to this.
  bool Becomes(double score) {
    return Eventually([&] { return Current("acme").score() == score; });
  }
  double ComputedAnew() {
    v1::GetHealthScoreRequest request;
    request.set_name("accounts/acme");
    SetTimestamp(clock_.Now(), request.mutable_as_of());
    v1::GetHealthScoreResponse response;
    const grpc::Status status = Call(&v1::HealthScoreService::Stub::GetHealthScore, *scores_, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.health_score().score();
  }
  v1::MeasureState StateOfSaid() {
    const auto explained = Explained("acme");
    for (const auto& measure : explained.measures()) {
      if (measure.measure() == "said") return measure.state();
    }
    return v1::MEASURE_STATE_UNSPECIFIED;
  }
};

TEST_F(CarriedScoresTest, CountTheValueOfYesterdayAtOnceAndUntilItsDaysAreOver) {
  StartReady();
  Today({{"use", 20.0}, {"said", 80.0}});
  EXPECT_EQ(Current("acme").score(), 50);
  for (int day = 1; day <= 10; ++day) {
    NextDay({{"use", 20.0}});
    EXPECT_EQ(Current("acme").score(), 50) << day;
    EXPECT_EQ(ComputedAnew(), 50) << day;
    EXPECT_EQ(StateOfSaid(), v1::MEASURE_STATE_CARRIED);
  }
  EXPECT_EQ(Current("acme").coverage(), 0.5);
  NextDay({{"use", 20.0}});
  EXPECT_EQ(Current("acme").score(), 20);
  EXPECT_EQ(ComputedAnew(), 20);
  // From 50 to 50 at another coverage, then to 20: nothing came between.
  EXPECT_EQ(History("acme").size(), 3U);
}

TEST_F(CarriedScoresTest, SurviveARestart) {
  StartReady();
  Today({{"use", 20.0}, {"said", 80.0}});
  (void)Current("acme");
  NextDay({{"use", 20.0}});
  EXPECT_EQ(Current("acme").score(), 50);
  Restart();
  EXPECT_EQ(Current("acme").score(), 50);
  EXPECT_EQ(StateOfSaid(), v1::MEASURE_STATE_CARRIED);
  NextDay({{"use", 20.0}});
  EXPECT_EQ(Current("acme").score(), 50);
  EXPECT_EQ(History("acme").size(), 2U);
}

TEST_F(CarriedScoresTest, AreFoundInThePastOfAnAccountThatIsNewHere) {
  accounts_.PutPast("acme", {{"use", 5.0}, {"said", 80.0}}, clock_.Now() - absl::Hours(24 * 5));
  accounts_.PutPast("acme", {{"use", 5.0}}, clock_.Now() - absl::Hours(24 * 3));
  Today({{"use", 20.0}});
  StartReady();
  EXPECT_TRUE(Becomes(50));
  EXPECT_EQ(ComputedAnew(), 50);
  std::string reasons;
  const auto explained = Explained("acme");
  for (const auto& measure : explained.measures()) reasons += measure.reason() + "\n";
  EXPECT_THAT(reasons, HasSubstr("carried from 2024-12-26"));
}

TEST_F(CarriedScoresTest, AreTheSameWhenAllIsComputedFromNothing) {
  StartReady();
  Today({{"use", 20.0}, {"said", 80.0}});
  (void)Current("acme");
  for (int day = 0; day < 4; ++day) NextDay({{"use", 20.0 + day}});
  const double incremental = (23 + 80) / 2.0;
  ASSERT_TRUE(Becomes(incremental)) << Current("acme").score();
  Stop();
  std::filesystem::remove_all(folder_.path());
  StartReady();
  EXPECT_TRUE(Becomes(incremental)) << Current("acme").score() << " is not " << incremental;
  EXPECT_EQ(ComputedAnew(), incremental);
}

TEST_F(CarriedScoresTest, FollowAPastThatIsToldLate) {
  StartReady();
  Today({{"use", 20.0}});
  EXPECT_EQ(Current("acme").score(), 20);
  accounts_.PutPast("acme", {{"use", 20.0}, {"said", 60.0}}, clock_.Now() - absl::Hours(24 * 2));
  Today({{"use", 22.0}});
  EXPECT_TRUE(Becomes(41));
  EXPECT_EQ(ComputedAnew(), 41);
}

TEST_F(CarriedScoresTest, AreLookedForWhenAScorecardBeginsToCarry) {
  scorecards_ = kTestScorecards;
  StartReady();
  Today({{"use", 20.0}, {"said", 80.0}});
  (void)Current("acme");
  NextDay({{"use", 20.0}});
  EXPECT_EQ(Current("acme").score(), 20);
  scorecards_ = kCarrying;
  scorecards_.replace(scorecards_.find("revision: 1"), 11, "revision: 2");
  Restart();
  EXPECT_TRUE(Becomes(50));
  EXPECT_EQ(ComputedAnew(), 50);
}

TEST_F(CarriedScoresTest, ExplainTheirPartOfAChangeAsMissing) {
  StartReady();
  Today({{"use", 20.0}, {"said", 80.0}});
  (void)Current("acme");
  const absl::Time before = clock_.Now();
  for (int day = 1; day <= 11; ++day) NextDay({{"use", 30.0}});
  v1::ExplainHealthScoreChangeRequest request;
  request.set_name("accounts/acme");
  SetTimestamp(before, request.mutable_start_time());
  v1::ExplainHealthScoreChangeResponse response;
  ASSERT_TRUE(Call(&v1::HealthScoreService::Stub::ExplainHealthScoreChange, *scores_, request, &response).ok());
  const auto& explanation = response.explanation();
  EXPECT_EQ(explanation.difference(), -20);
  double sum = 0;
  std::map<v1::ScoreChangeKind, double> kinds;
  for (const auto& part : explanation.parts()) {
    sum += part.points();
    kinds[part.kind()] += part.points();
  }
  EXPECT_NEAR(sum, -20, 1e-9);
  EXPECT_NEAR(kinds[v1::SCORE_CHANGE_KIND_DATA], 5, 1e-9);
  EXPECT_NEAR(kinds[v1::SCORE_CHANGE_KIND_MISSING], -25, 1e-9);
}

}  // namespace
}  // namespace perennial::health
