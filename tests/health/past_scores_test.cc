#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/time_util.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

FactMap Facts(double use, double said, const std::string& phase = "SUCCESS") {
  return {{"use", use}, {"said", said}, {"urgent", 0.0}, {"phase", phase}};
}

class PastScoresTest : public HealthFixture {
 protected:
  // Facts of a moment, which is also the time that health-svc sees them at.
  void PutNow(const std::string& account, const FactMap& facts) {
    accounts_.SetAsOf(clock_.Now());
    accounts_.Put(account, facts);
    (void)Current(account);
  }
  grpc::Status GetAt(const std::string& account, absl::Time as_of, v1::HealthScore* out,
                     const std::string& scorecard = "", std::int64_t revision = 0) {
    v1::GetHealthScoreRequest request;
    request.set_name("accounts/" + account);
    SetTimestamp(as_of, request.mutable_as_of());
    request.set_scorecard(scorecard);
    request.set_scorecard_revision(revision);
    v1::GetHealthScoreResponse response;
    const grpc::Status status = Call(&v1::HealthScoreService::Stub::GetHealthScore, *scores_, request, &response);
    *out = response.health_score();
    return status;
  }
  grpc::Status ExplainChange(const std::string& account, absl::Time start, absl::Time end,
                             v1::HealthScoreChangeExplanation* out) {
    v1::ExplainHealthScoreChangeRequest request;
    request.set_name("accounts/" + account);
    SetTimestamp(start, request.mutable_start_time());
    SetTimestamp(end, request.mutable_end_time());
    v1::ExplainHealthScoreChangeResponse response;
    const grpc::Status status =
        Call(&v1::HealthScoreService::Stub::ExplainHealthScoreChange, *scores_, request, &response);
    *out = response.explanation();
    return status;
  }
  // The weight of "said" doubled.
  void Reweigh() {
    const auto cards = v1::ScorecardService::NewStub(channel_);
    v1::GetScorecardRequest get;
    get.set_name("scorecards/general");
    v1::GetScorecardResponse got;
    ASSERT_TRUE(Call(&v1::ScorecardService::Stub::GetScorecard, *cards, get, &got).ok());
    v1::UpdateScorecardRequest update;
    *update.mutable_scorecard() = got.scorecard();
    update.mutable_scorecard()->mutable_groups(1)->set_weight(80);
    update.mutable_update_mask()->add_paths("groups");
    update.set_author("ann");
    v1::UpdateScorecardResponse updated;
    ASSERT_TRUE(Call(&v1::ScorecardService::Stub::UpdateScorecard, *cards, update, &updated).ok());
  }
};

TEST_F(PastScoresTest, AgreesWithHistoryAtEveryEntry) {
  StartReady();
  const double uses[] = {80, 20, 55, 90};
  for (const double use : uses) {
    PutNow("acme", Facts(use, 50));
    clock_.Advance(absl::Hours(30));
  }
  Reweigh();
  ASSERT_TRUE(Eventually([&] { return Current("acme").scorecard_revision() == 2; }));
  const auto history = History("acme");
  ASSERT_EQ(history.size(), 5U);
  for (const v1::HealthScoreChange& entry : history) {
    v1::HealthScore score;
    const grpc::Status status = GetAt("acme", ToTime(entry.start_time()), &score, "scorecards/" + entry.scorecard(),
                                      entry.scorecard_revision());
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(score.score(), entry.score());
    EXPECT_EQ(score.band(), entry.band());
    EXPECT_EQ(score.coverage(), entry.coverage());
  }
}

TEST_F(PastScoresTest, TellsWhatAPastScoreWasByTheRulesOfToday) {
  StartReady();
  PutNow("acme", Facts(80, 50));
  const absl::Time then = clock_.Now();
  clock_.Advance(absl::Hours(24 * 40));
  PutNow("acme", Facts(10, 10));
  Reweigh();
  v1::HealthScore score;
  ASSERT_TRUE(GetAt("acme", then, &score).ok());
  EXPECT_DOUBLE_EQ(score.score(), (60 * 80.0 + 80 * 50.0) / 140);
  EXPECT_EQ(score.scorecard_revision(), 2);
  ASSERT_TRUE(GetAt("acme", then, &score, "scorecards/general", 1).ok());
  EXPECT_DOUBLE_EQ(score.score(), 68);
  EXPECT_EQ(ToTime(score.as_of()), then);
}

TEST_F(PastScoresTest, RefusesWhatWasNotAndWhatIsToCome) {
  StartReady();
  PutNow("acme", Facts(80, 50));
  v1::HealthScore score;
  EXPECT_EQ(GetAt("acme", clock_.Now() - absl::Hours(1), &score).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(GetAt("none", clock_.Now(), &score).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(GetAt("acme", clock_.Now() + absl::Hours(1), &score).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(GetAt("acme", clock_.Now(), &score, "scorecards/none").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(GetAt("acme", clock_.Now(), &score, "", 3).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(PastScoresTest, AnAccountFirstSeenChurnedHasTheScoreOfJustBefore) {
  accounts_.SetAsOf(clock_.Now());
  accounts_.Put("gone", Facts(90, 50));
  clock_.Advance(absl::Hours(24));
  accounts_.SetAsOf(clock_.Now());
  accounts_.Put("gone", Facts(0, 0, "CHURNED"));
  StartReady();
  ASSERT_TRUE(Eventually([&] { return Current("gone").has_score(); }));
  const v1::HealthScore score = Current("gone");
  EXPECT_DOUBLE_EQ(score.score(), 74);
  EXPECT_TRUE(score.frozen());
  Restart();
  EXPECT_DOUBLE_EQ(Current("gone").score(), 74);
  v1::HealthScore again;
  ASSERT_TRUE(GetAt("gone", clock_.Now(), &again).ok());
  EXPECT_TRUE(again.frozen());
  EXPECT_DOUBLE_EQ(again.score(), 74);
}

TEST_F(PastScoresTest, AnAccountWhoseHistoryComesInAfterItsChurnGetsItsScoreThen) {
  StartReady();
  const absl::Time before = clock_.Now();
  clock_.Advance(absl::Hours(24));
  PutNow("gone", {{"phase", std::string("CHURNED")}});
  EXPECT_FALSE(Current("gone").has_score());
  accounts_.PutPast("gone", Facts(90, 50), before);
  PutNow("gone", {{"phase", std::string("CHURNED")}, {"use", 0.0}, {"said", 1.0}});
  EXPECT_TRUE(Eventually([&] { return Current("gone").has_score(); }));
  EXPECT_DOUBLE_EQ(Current("gone").score(), 74);
}

TEST_F(PastScoresTest, ExplainsAChangeOfDataScorecardAndOverrideTogether) {
  StartReady();
  PutNow("acme", Facts(80, 50));
  const absl::Time start = clock_.Now();
  clock_.Advance(absl::Hours(24 * 10));
  PutNow("acme", Facts(40, 50));
  Reweigh();
  ASSERT_TRUE(Eventually([&] { return Current("acme").scorecard_revision() == 2; }));
  clock_.Advance(absl::Minutes(1));
  v1::SetHealthScoreOverrideRequest request;
  request.set_name("accounts/acme");
  request.mutable_override()->set_score(90);
  request.mutable_override()->set_author("ann");
  request.mutable_override()->set_reason("knows better");
  SetTimestamp(clock_.Now() + absl::Hours(24), request.mutable_override()->mutable_expire_time());
  v1::SetHealthScoreOverrideResponse response;
  ASSERT_TRUE(Call(&v1::HealthScoreService::Stub::SetHealthScoreOverride, *scores_, request, &response).ok());
  v1::HealthScoreChangeExplanation explanation;
  const grpc::Status status = ExplainChange("acme", start, clock_.Now(), &explanation);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_DOUBLE_EQ(explanation.start().score(), 68);
  EXPECT_DOUBLE_EQ(explanation.end().score(), 90);
  EXPECT_DOUBLE_EQ(explanation.difference(), 22);
  double sum = 0;
  std::vector<v1::ScoreChangeKind> kinds;
  for (const v1::ScoreChangePart& part : explanation.parts()) {
    sum += part.points();
    kinds.push_back(part.kind());
  }
  EXPECT_NEAR(sum, 22, 1e-9);
  EXPECT_THAT(kinds, ::testing::ElementsAre(v1::SCORE_CHANGE_KIND_OVERRIDE, v1::SCORE_CHANGE_KIND_DATA,
                                            v1::SCORE_CHANGE_KIND_CONFIGURATION));
  EXPECT_NE(explanation.summary().find("From 68.0 to 90.0"), std::string::npos) << explanation.summary();
}

TEST_F(PastScoresTest, NamesEveryFaultOfAnExplanation) {
  StartReady();
  v1::ExplainHealthScoreChangeRequest request;
  v1::ExplainHealthScoreChangeResponse response;
  SetTimestamp(clock_.Now() + absl::Hours(1), request.mutable_end_time());
  const grpc::Status status =
      Call(&v1::HealthScoreService::Stub::ExplainHealthScoreChange, *scores_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"name", "start_time", "end_time"}) {
    EXPECT_NE(status.error_message().find(field), std::string::npos) << status.error_message();
  }
}

}  // namespace
}  // namespace perennial::health
