#include "health-svc/value/logistic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace perennial::value {
namespace {

struct Sample {
  Eigen::MatrixXd rows;
  Eigen::VectorXd outcomes;
};

// Outcomes drawn from known chances.
Sample Draw(int count, double intercept, const Eigen::VectorXd& coefficients, unsigned seed = 11) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  Sample sample{Eigen::MatrixXd(count, coefficients.size()), Eigen::VectorXd(count)};
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = 0; j < coefficients.size(); ++j) sample.rows(i, j) = normal(random);
    const double chance = 1 / (1 + std::exp(-intercept - sample.rows.row(i).dot(coefficients)));
    sample.outcomes(i) = uniform(random) < chance ? 1 : 0;
  }
  return sample;
}

TEST(LogisticTest, FindsTheCoefficientsThatMadeTheOutcomes) {
  const Eigen::Vector3d truth(1.5, -0.7, 0);
  const Sample sample = Draw(20000, -1, truth);
  const auto model = FitLogistic(sample.rows, sample.outcomes);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_NEAR(model->intercept, -1, 0.1);
  for (Eigen::Index j = 0; j < 3; ++j) EXPECT_NEAR(model->coefficients(j), truth(j), 0.1) << j;
}

TEST(LogisticTest, MeanOfChancesIsTheRateOfOutcomes) {
  const Sample sample = Draw(500, -2, Eigen::Vector2d(0.5, 1));
  const auto model = FitLogistic(sample.rows, sample.outcomes);
  ASSERT_TRUE(model.ok()) << model.status();
  double sum = 0;
  for (Eigen::Index i = 0; i < sample.rows.rows(); ++i) sum += model->Probability(sample.rows.row(i));
  EXPECT_NEAR(sum / 500, sample.outcomes.mean(), 1e-6);
}

TEST(LogisticTest, ToleratesCollinearColumnsAndColumnsWithoutVariance) {
  Sample sample = Draw(2000, 0, Eigen::VectorXd::Constant(1, 1.0));
  Eigen::MatrixXd wide(2000, 3);
  wide << sample.rows, sample.rows * 3, Eigen::VectorXd::Constant(2000, 42);
  const auto model = FitLogistic(wide, sample.outcomes);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(model->coefficients.allFinite());
  EXPECT_NEAR(model->coefficients(0) + 3 * model->coefficients(1), 1, 0.15);
  EXPECT_EQ(model->coefficients(2), 0);
}

TEST(LogisticTest, StaysFiniteWhenAColumnTellsTheOutcomeExactly) {
  Eigen::MatrixXd rows(100, 1);
  Eigen::VectorXd outcomes(100);
  for (int i = 0; i < 100; ++i) {
    rows(i, 0) = i;
    outcomes(i) = i >= 50 ? 1 : 0;
  }
  const auto model = FitLogistic(rows, outcomes);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(std::isfinite(model->intercept) && model->coefficients.allFinite());
  EXPECT_GT(model->Probability(rows.row(99)), 0.95);
  EXPECT_LT(model->Probability(rows.row(0)), 0.05);
}

TEST(LogisticTest, KeepsCoefficientsWithinTheirBounds) {
  const Sample sample = Draw(5000, 0, Eigen::Vector3d(2, -1, 0.3));
  const auto model = FitLogistic(sample.rows, sample.outcomes, {.bounds = {{0, 1}, {0, 5}, {0, 5}}});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_NEAR(model->coefficients(0), 1, 1e-9);
  EXPECT_NEAR(model->coefficients(1), 0, 1e-9);
  EXPECT_GT(model->coefficients(2), 0.1);
}

TEST(LogisticTest, WideBoundsChangeNothing) {
  const Sample sample = Draw(3000, 0.5, Eigen::Vector2d(1, -1));
  const auto free = FitLogistic(sample.rows, sample.outcomes);
  const auto bounded = FitLogistic(sample.rows, sample.outcomes, {.bounds = {{-100, 100}, {-100, 100}}});
  ASSERT_TRUE(free.ok() && bounded.ok());
  EXPECT_NEAR((free->coefficients - bounded->coefficients).cwiseAbs().maxCoeff(), 0, 1e-6);
}

TEST(LogisticTest, RefusesWhatCannotBeLearntFrom) {
  const Eigen::MatrixXd rows = Eigen::MatrixXd::Random(10, 2);
  EXPECT_EQ(FitLogistic(rows, Eigen::VectorXd::Zero(10)).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FitLogistic(rows, Eigen::VectorXd::Ones(10)).status().code(), absl::StatusCode::kFailedPrecondition);
  Eigen::MatrixXd broken = rows;
  broken(3, 1) = NAN;
  Eigen::VectorXd outcomes = Eigen::VectorXd::Zero(10);
  outcomes(0) = 1;
  EXPECT_EQ(FitLogistic(broken, outcomes).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FitLogistic(rows, outcomes, {.deadline = absl::InfinitePast()}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST(LogisticTest, PlattsScaleMendsLogitsThatAreTooSure) {
  const Sample sample = Draw(20000, -1, Eigen::VectorXd::Constant(1, 1.0));
  const Eigen::VectorXd too_sure = 3 * (sample.rows.col(0).array() - 1);
  const auto scale = FitPlatt(too_sure, sample.outcomes);
  ASSERT_TRUE(scale.ok()) << scale.status();
  EXPECT_NEAR(scale->slope, 1.0 / 3, 0.02);
  EXPECT_NEAR(scale->offset, 0, 0.05);
}

}  // namespace
}  // namespace perennial::value
