#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

// 60 accounts that pay, as of 200 days ago: account i uses i and says i. Those with i < 20 churn i days later, and half
// a day.
class BacktestTest : public HealthFixture {
 protected:
  void SetUp() override {
    date_ = clock_.Now() - absl::Hours(24 * 200);
    for (int i = 0; i < 60; ++i) {
      const std::string id = Id(i);
      accounts_.PutPast(id, Facts(i), date_ - absl::Hours(24));
      accounts_.Put(id, Facts(99 - i));  // now all is different
      if (i < 20) accounts_.Churn(id, date_ + absl::Hours(24 * i + 12));
    }
    accounts_.PutPast("free", {{"use", 0.0}}, date_ - absl::Hours(24));
    accounts_.PutPast("gone", Facts(1, "CHURNED"), date_ - absl::Hours(24));
    StartReady();
    cards_ = v1::ScorecardService::NewStub(channel_);
  }
  void TearDown() override {
    cards_.reset();
    Stop();
  }
  static std::string Id(int i) { return absl::StrCat("a", i); }
  static FactMap Facts(double value, const std::string& phase = "SUCCESS") {
    return {{"use", value}, {"said", value}, {"urgent", 0.0}, {"mrr", 10.0}, {"phase", phase}};
  }
  v1::BacktestScorecardRequest Request(int horizon_days = 90) {
    v1::BacktestScorecardRequest request;
    request.set_name("scorecards/general");
    request.set_horizon_days(horizon_days);
    SetTimestamp(date_, request.add_as_of());
    return request;
  }
  grpc::Status Backtest(const v1::BacktestScorecardRequest& request, v1::BacktestScorecardResponse* out) {
    return Call(&v1::ScorecardService::Stub::BacktestScorecard, *cards_, request, out);
  }
  v1::BacktestScorecardResponse Tested(const v1::BacktestScorecardRequest& request) {
    v1::BacktestScorecardResponse out;
    const grpc::Status status = Backtest(request, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  absl::Time date_;
  std::unique_ptr<v1::ScorecardService::Stub> cards_;
};

TEST_F(BacktestTest, ScoresAsOfTheDateAgainstChurnWithinTheHorizon) {
  const auto out = Tested(Request());
  EXPECT_EQ(out.accounts(), 60) << "who paid as of then";
  EXPECT_EQ(out.churned(), 20);
  EXPECT_EQ(out.auc().value(), 1);
  EXPECT_EQ(out.scorecard_revision(), 1);
  EXPECT_EQ(out.deciles(0).churned(), 6);
  EXPECT_DOUBLE_EQ(out.deciles(0).lift(), 3);
  EXPECT_EQ(out.edges(0).accounts_below(), 50);
  EXPECT_DOUBLE_EQ(out.edges(0).precision().value(), 0.4);
  EXPECT_DOUBLE_EQ(out.edges(0).recall().value(), 1);
  EXPECT_DOUBLE_EQ(out.median_lead_days(), 9.5);
  ASSERT_EQ(out.measures_size(), 2);
  EXPECT_EQ(out.measures(1).accounts(), 60);
  EXPECT_EQ(out.measures(1).auc().value(), 1);
}

TEST_F(BacktestTest, CountsOnlyChurnWithinTheHorizon) {
  const auto out = Tested(Request(15));
  EXPECT_EQ(out.churned(), 15) << "0.5 to 14.5 days";
  v1::BacktestScorecardResponse none;
  const grpc::Status status = Backtest(Request(5), &none);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("of 60 scored accounts 5 churned within 5 days"));
  EXPECT_THAT(status.error_details(), HasSubstr("TOO_LITTLE_HISTORY"));
}

TEST_F(BacktestTest, WhatHappensAfterTheDateChangesNothing) {
  const std::string before = Tested(Request()).SerializeAsString();
  for (int i = 0; i < 60; ++i) accounts_.PutPast(Id(i), Facts(60 - i), date_ + absl::Seconds(1));
  EXPECT_EQ(Tested(Request()).SerializeAsString(), before);
  // The same facts a moment earlier turn it round.
  for (int i = 0; i < 60; ++i) accounts_.PutPast(Id(i), Facts(60 - i), date_ - absl::Seconds(1));
  EXPECT_EQ(Tested(Request()).auc().value(), 0);
}

TEST_F(BacktestTest, CountsAnAccountOnceForEachDate) {
  auto request = Request(30);
  SetTimestamp(date_ + absl::Hours(24 * 5), request.add_as_of());
  const auto out = Tested(request);
  // As of five days later the ledger says that five have churned, but the facts of then do not know it.
  EXPECT_EQ(out.accounts(), 120);
  EXPECT_EQ(out.churned(), 20 + 15);
}

TEST_F(BacktestTest, TestsDraftsWithWhatTheyApplyTo) {
  v1::GetScorecardRequest get;
  get.set_name("scorecards/general");
  v1::GetScorecardResponse got;
  ASSERT_TRUE(Call(&v1::ScorecardService::Stub::GetScorecard, *cards_, get, &got).ok());
  auto request = Request();
  request.clear_name();
  *request.mutable_scorecard() = got.scorecard();
  request.mutable_scorecard()->set_applies_to("use < 40");
  const auto out = Tested(request);
  EXPECT_EQ(out.accounts(), 40);
  EXPECT_EQ(out.scorecard_revision(), 0);
}

TEST_F(BacktestTest, CarriesAsOfTheDate) {
  // As of the date nothing is said any more; three days before it still was.
  for (int i = 0; i < 60; ++i) {
    accounts_.PutPast(Id(i), {{"use", 50.0}, {"mrr", 10.0}, {"said", 100.0 - i}}, date_ - absl::Hours(24 * 4));
    accounts_.PutPast(Id(i), {{"use", 50.0}, {"mrr", 10.0}}, date_ - absl::Hours(24));
  }
  v1::GetScorecardRequest get;
  get.set_name("scorecards/general");
  v1::GetScorecardResponse got;
  ASSERT_TRUE(Call(&v1::ScorecardService::Stub::GetScorecard, *cards_, get, &got).ok());
  auto request = Request();
  request.clear_name();
  *request.mutable_scorecard() = got.scorecard();
  EXPECT_EQ(Tested(request).auc().value(), 0.5);
  request.mutable_scorecard()->mutable_measures(1)->set_missing(v1::MISSING_POLICY_CARRY);
  request.mutable_scorecard()->mutable_measures(1)->set_carry_days(5);
  const auto out = Tested(request);
  EXPECT_EQ(out.auc().value(), 0);
  EXPECT_EQ(out.measures(1).accounts(), 0) << "it is not known";
}

TEST_F(BacktestTest, NamesEveryFaultAtOnce) {
  v1::BacktestScorecardRequest request;
  request.set_name("general");
  request.set_revision(-1);
  request.set_horizon_days(731);
  request.set_filter(std::string(4097, 'a'));
  SetTimestamp(clock_.Now(), request.add_as_of());
  v1::BacktestScorecardResponse out;
  const grpc::Status status = Backtest(request, &out);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"name", "revision", "horizon_days", "filter", "as_of[0]"}) {
    EXPECT_THAT(status.error_details(), HasSubstr(field)) << field;
  }
}

TEST_F(BacktestTest, RefusesWhatCannotBeTested) {
  v1::BacktestScorecardResponse out;
  v1::BacktestScorecardRequest nothing;
  EXPECT_EQ(Backtest(nothing, &out).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  auto unknown = Request();
  unknown.set_name("scorecards/none");
  EXPECT_EQ(Backtest(unknown, &out).error_code(), grpc::StatusCode::NOT_FOUND);
  auto revision = Request();
  revision.set_revision(7);
  EXPECT_EQ(Backtest(revision, &out).error_code(), grpc::StatusCode::NOT_FOUND);
  auto unsorted = Request();
  SetTimestamp(date_ - absl::Hours(1), unsorted.add_as_of());
  EXPECT_EQ(Backtest(unsorted, &out).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  auto both = Request();
  both.mutable_scorecard()->set_display_name("a draft");
  EXPECT_EQ(Backtest(both, &out).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(BacktestTest, SaysWhenAccountsSvcCannotBeAsked) {
  accounts_.Interrupt();
  v1::BacktestScorecardResponse out;
  EXPECT_EQ(Backtest(Request(), &out).error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace perennial::health
