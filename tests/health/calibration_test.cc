#include "health-svc/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "health-svc/churn_rows.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

double Sum(const std::vector<double>& shares) {
  double sum = 0;
  for (const double share : shares) sum += share;
  return sum;
}

TEST(SharesWithinBoundsTest, AddUpToOneAndStayWithin) {
  const auto free = WithinBounds({0.2, 0.3, 0.5}, {{}, {}, {}});
  EXPECT_NEAR(free[0], 0.2, 1e-9);
  EXPECT_NEAR(free[2], 0.5, 1e-9);
  const auto bound = WithinBounds({0, 0, 1}, {{.least = 0.1}, {.least = 0.2, .most = 0.3}, {.most = 0.5}});
  EXPECT_NEAR(Sum(bound), 1, 1e-9);
  EXPECT_NEAR(bound[2], 0.5, 1e-9);
  EXPECT_GE(bound[0], 0.1);
  EXPECT_LE(bound[1], 0.3 + 1e-12);
  const auto only = WithinBounds({1, 0}, {{.least = 0.4, .most = 0.4}, {.least = 0.6, .most = 0.6}});
  EXPECT_NEAR(only[0], 0.4, 1e-12);
}

// 600 accounts whose churn depends on "said" alone, while the scorecard trusts "use" with 60 %.
class CalibrationTest : public HealthFixture {
 protected:
  void SetUp() override {
    date_ = clock_.Now() - absl::Hours(24 * 200);
    for (int i = 0; i < 600; ++i) {
      const std::string id = absl::StrCat("a", i);
      const double said = 100 * FractionOf(id, "said");
      accounts_.PutPast(id,
                        {{"use", 100 * FractionOf(id, "use")},
                         {"said", said},
                         {"urgent", 0.0},
                         {"mrr", 10.0},
                         {"phase", std::string("SUCCESS")}},
                        date_ - absl::Hours(24));
      accounts_.Put(id, {{"use", 1.0}, {"said", 1.0}, {"urgent", 0.0}, {"mrr", 10.0}});
      if (FractionOf(id, "left") * 100 > said) accounts_.Churn(id, date_ + absl::Hours(24 * (i % 80) + 12));
    }
    StartReady();
    cards_ = v1::ScorecardService::NewStub(channel_);
  }
  void TearDown() override {
    cards_.reset();
    Stop();
  }
  v1::CalibrateScorecardRequest Request() {
    v1::CalibrateScorecardRequest request;
    request.set_name("scorecards/general");
    *request.add_as_of() = ToTimestamp(date_);
    return request;
  }
  grpc::Status Calibrate(const v1::CalibrateScorecardRequest& request, v1::CalibrateScorecardResponse* out) {
    return Call(&v1::ScorecardService::Stub::CalibrateScorecard, *cards_, request, out, 60000);
  }
  absl::Time date_;
  std::unique_ptr<v1::ScorecardService::Stub> cards_;
};

TEST_F(CalibrationTest, GivesWeightToWhatTellsChurn) {
  v1::CalibrateScorecardResponse out;
  const grpc::Status status = Calibrate(Request(), &out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(out.weights_size(), 2);
  EXPECT_EQ(out.weights(0).measure(), "use");
  EXPECT_NEAR(out.weights(0).present_share(), 0.6, 1e-12);
  EXPECT_NEAR(out.weights(1).present_share(), 0.4, 1e-12);
  EXPECT_GT(out.weights(1).proposed_share(), 0.85);
  EXPECT_NEAR(out.weights(0).proposed_share() + out.weights(1).proposed_share(), 1, 1e-9);
  EXPECT_EQ(out.weights(0).coverage(), 1);
  EXPECT_GT(out.proposed_auc().value(), out.present_auc().value() + 0.03);
  EXPECT_EQ(out.rows() + out.holdout_rows(), 600);
  // The draft has the shares: group weights times measure weights.
  const auto& card = out.scorecard();
  EXPECT_NEAR(card.groups(1).weight() / (card.groups(0).weight() + card.groups(1).weight()),
              out.weights(1).proposed_share(), 1e-9);
}

TEST_F(CalibrationTest, StaysWithinTheBoundsThatAreSet) {
  auto request = Request();
  v1::WeightBound* bound = request.add_bounds();
  bound->set_measure("use");
  bound->set_min_share(0.3);
  v1::CalibrateScorecardResponse out;
  ASSERT_TRUE(Calibrate(request, &out).ok());
  EXPECT_NEAR(out.weights(0).proposed_share(), 0.3, 0.02);
  EXPECT_GE(out.weights(0).proposed_share(), 0.3 - 1e-9);
}

TEST_F(CalibrationTest, NamesWhatIsWrongWithBounds) {
  auto request = Request();
  for (const char* measure : {"use", "use", "nothing"}) {
    v1::WeightBound* bound = request.add_bounds();
    bound->set_measure(measure);
    bound->set_min_share(0.7);
    bound->set_max_share(0.6);
  }
  v1::CalibrateScorecardResponse out;
  const grpc::Status status = Calibrate(request, &out);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("bounds[2].measure"));
  EXPECT_THAT(status.error_message(), HasSubstr("bounds[0].max_share"));
}

TEST_F(CalibrationTest, SaysWhenThereIsTooLittleHistory) {
  auto request = Request();
  request.set_horizon_days(1);
  request.set_filter("");
  request.mutable_as_of(0)->set_seconds(request.as_of(0).seconds() - 3600 * 24 * 30);
  v1::CalibrateScorecardResponse out;
  const grpc::Status status = Calibrate(request, &out);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_details(), HasSubstr("TOO_LITTLE_HISTORY"));
}

}  // namespace
}  // namespace perennial::health
