#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

class SimulationTest : public HealthFixture {
 protected:
  void SetUp() override {
    for (int i = 0; i < 10; ++i) {
      accounts_.Put(absl::StrCat("a", i), {{"use", 10.0 * i}, {"said", 50.0}, {"urgent", 0.0}, {"mrr", 100.0}});
    }
    accounts_.Put("unknown", {{"mrr", 1.0}});
    accounts_.Put("gone", {{"use", 1.0}, {"said", 1.0}, {"phase", std::string("CHURNED")}});
    StartReady();
    cards_ = v1::ScorecardService::NewStub(channel_);
  }
  void TearDown() override {
    cards_.reset();
    Stop();
  }
  v1::Scorecard Present() {
    v1::GetScorecardRequest request;
    request.set_name("scorecards/general");
    v1::GetScorecardResponse response;
    EXPECT_TRUE(Call(&v1::ScorecardService::Stub::GetScorecard, *cards_, request, &response).ok());
    return response.scorecard();
  }
  grpc::Status Simulate(const v1::Scorecard& draft, v1::SimulateScorecardResponse* out, int list_size = 0) {
    v1::SimulateScorecardRequest request;
    *request.mutable_scorecard() = draft;
    request.set_list_size(list_size);
    return Call(&v1::ScorecardService::Stub::SimulateScorecard, *cards_, request, out);
  }
  std::unique_ptr<v1::ScorecardService::Stub> cards_;
};

TEST_F(SimulationTest, SaysThatNothingMovesWhenNothingDiffers) {
  v1::SimulateScorecardResponse out;
  const grpc::Status status = Simulate(Present(), &out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(out.accounts(), 11) << "all but the churned one";
  EXPECT_EQ(out.accounts_changed(), 0);
  EXPECT_EQ(out.accounts_changing_band(), 0);
  EXPECT_EQ(out.changes_size(), 0);
}

TEST_F(SimulationTest, TellsTheBandsBeforeAndAfterAndWhoMovesMost) {
  v1::Scorecard draft = Present();
  draft.mutable_groups(0)->set_weight(1);
  draft.mutable_groups(1)->set_weight(99);
  v1::SimulateScorecardResponse out;
  ASSERT_TRUE(Simulate(draft, &out, 3).ok());
  // Scores were 20 to 74: red below 50, which use from 50 on reaches; now all lie near 50.
  std::map<std::string, std::int64_t> before;
  std::map<std::string, std::int64_t> after;
  for (const v1::BandShare& share : out.before()) before[share.band()] = share.accounts();
  for (const v1::BandShare& share : out.after()) after[share.band()] = share.accounts();
  EXPECT_THAT(before,
              ::testing::ElementsAre(::testing::Pair("", 1), ::testing::Pair("red", 5), ::testing::Pair("yellow", 5)));
  EXPECT_EQ(after[""], 1);
  EXPECT_EQ(after["red"] + after["yellow"], 10);
  ASSERT_EQ(out.changes_size(), 3);
  EXPECT_EQ(out.changes(0).account(), "accounts/a0");
  EXPECT_DOUBLE_EQ(out.changes(0).score_before(), 20);
  EXPECT_NEAR(out.changes(0).score_after(), 49.5, 1e-9);
  EXPECT_EQ(out.changes(0).mrr().amount(), "100");
  EXPECT_EQ(out.changes(0).reason(), "said gives 49.5 points of the score instead of 20.0");
  EXPECT_GE(out.changes(1).score_after() - out.changes(1).score_before(), 20);
}

TEST_F(SimulationTest, ANewScorecardTakesTheAccountsItAppliesTo) {
  v1::Scorecard draft = Present();
  draft.set_name("scorecards/busy");
  draft.set_applies_to("use >= 70");
  draft.set_priority(-1);
  draft.mutable_bands(2)->set_lower_bound(60);
  v1::SimulateScorecardResponse out;
  ASSERT_TRUE(Simulate(draft, &out).ok());
  EXPECT_EQ(out.accounts_scored(), 3);
  EXPECT_EQ(out.accounts_changed(), 0);
  ASSERT_EQ(out.moves_size(), 1);
  EXPECT_EQ(out.moves(0).from_band(), "yellow");
  EXPECT_EQ(out.moves(0).to_band(), "green");
  EXPECT_EQ(out.moves(0).accounts(), 3);
  EXPECT_EQ(out.moves(0).mrr().amount(), "300");
}

TEST_F(SimulationTest, StoresNothing) {
  v1::Scorecard draft = Present();
  draft.mutable_measures(0)->set_weight(50);
  draft.clear_exceptions();
  v1::SimulateScorecardResponse out;
  ASSERT_TRUE(Simulate(draft, &out).ok());
  EXPECT_EQ(Present().revision(), 1);
  EXPECT_EQ(Current("a9").scorecard_revision(), 1);
}

TEST_F(SimulationTest, NamesEveryFaultOfTheDraft) {
  v1::Scorecard draft = Present();
  draft.set_name("x");
  draft.mutable_measures(0)->set_weight(0);
  v1::SimulateScorecardResponse out;
  const grpc::Status status = Simulate(draft, &out, -1);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"scorecard.name", "scorecard.measures[0].weight", "list_size"}) {
    EXPECT_NE(status.error_message().find(field), std::string::npos) << status.error_message();
  }
}

}  // namespace
}  // namespace perennial::health
