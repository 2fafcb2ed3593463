#include "health-svc/value/maximize.h"

#include <gtest/gtest.h>

#include <cmath>

namespace perennial::value {
namespace {

// Of n draws from an exponential distribution with mean m: rate 1 / m with the standard error rate / sqrt(n).
TEST(MaximizeTest, FindsTheRateOfAnExponentialDistributionAndItsError) {
  const double n = 400;
  const double mean = 0.25;
  const auto fit = Maximize(
      [&](const std::vector<double>& p, std::vector<double>* gradient) {
        if (gradient != nullptr) *gradient = {n / p[0] - n * mean};
        return n * std::log(p[0]) - n * mean * p[0];
      },
      {1});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->parameters[0], 4, 1e-6);
  ASSERT_EQ(fit->StandardErrors().size(), 1u);
  EXPECT_NEAR(fit->StandardErrors()[0], 4 / std::sqrt(n), 1e-6);
}

TEST(MaximizeTest, StopsAtItsWallWhenTheLikelihoodOnlyNearsALimit) {
  const auto fit = Maximize(
      [](const std::vector<double>& p, std::vector<double>* gradient) {
        if (gradient != nullptr) *gradient = {1 / (p[0] * p[0])};
        return -1 / p[0];
      },
      {1});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_GT(fit->parameters[0], 1e3);
  EXPECT_TRUE(std::isfinite(fit->parameters[0]));
}

TEST(MaximizeTest, SaysNothingOfErrorsWhereTheLikelihoodIsFlat) {
  const auto fit = Maximize(
      [](const std::vector<double>& p, std::vector<double>* gradient) {  // only the product of both is known
        const double gap = std::log(p[0] * p[1]) - 1;
        if (gradient != nullptr) *gradient = {-2 * gap / p[0], -2 * gap / p[1]};
        return -gap * gap;
      },
      {1, 1});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->parameters[0] * fit->parameters[1], std::exp(1), 1e-4);
  EXPECT_TRUE(fit->StandardErrors().empty());
}

TEST(MaximizeTest, RefusesAStartWithoutALikelihood) {
  const auto fit = Maximize([](const auto&, auto*) { return NAN; }, {1});
  EXPECT_EQ(fit.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(MaximizeTest, GivesUpAtItsDeadline) {
  const auto fit = Maximize(
      [](const std::vector<double>& p, std::vector<double>* gradient) {
        if (gradient != nullptr) *gradient = {-2 * (p[0] - 7)};
        return -(p[0] - 7) * (p[0] - 7);
      },
      {1}, {.deadline = absl::InfinitePast()});
  EXPECT_EQ(fit.status().code(), absl::StatusCode::kDeadlineExceeded);
}

// ln of the density of a normal distribution in the logarithms, so that the maximum and the covariance are known.
TEST(MaximizeByNewtonTest, FindsTheTopAndItsErrors) {
  const auto fit = MaximizeByNewton(
      [](const std::vector<double>& p, Derivatives* derivatives) {
        const double x = std::log(p[0]) - 2;
        const double y = std::log(p[1]) + 1;
        if (derivatives != nullptr) {
          derivatives->gradient = {-100 * x / p[0], -25 * y / p[1]};
          derivatives->hessian = Eigen::Matrix2d{{-100 * (1 - x) / (p[0] * p[0]), 0}, {0, -25 * (1 - y) / (p[1] * p[1])}};
        }
        return -50 * x * x - 12.5 * y * y;
      },
      {1, 1});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->parameters[0], std::exp(2), 1e-9);
  EXPECT_NEAR(fit->parameters[1], std::exp(-1), 1e-9);
  ASSERT_EQ(fit->log_covariance.rows(), 2);
  EXPECT_NEAR(fit->log_covariance(0, 0), 0.01, 1e-9);
  EXPECT_NEAR(fit->log_covariance(1, 1), 0.04, 1e-9);
}

// Convex at the start: an undamped step would go the wrong way.
TEST(MaximizeByNewtonTest, GoesUphillWhereTheLikelihoodIsNotConcave) {
  const auto fit = MaximizeByNewton(
      [](const std::vector<double>& p, Derivatives* derivatives) {
        const double x = std::log(p[0]) - 3;
        const double top = std::exp(-x * x / 2);  // by the logarithm: -x top, (x^2 - 1) top
        if (derivatives != nullptr) {
          derivatives->gradient = {-x * top / p[0]};
          derivatives->hessian = Eigen::MatrixXd::Constant(1, 1, ((x * x - 1) * top + x * top) / (p[0] * p[0]));
        }
        return top;
      },
      {1});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->parameters[0], std::exp(3), 1e-6);
}

TEST(MaximizeByNewtonTest, StopsAtItsWallWhenTheLikelihoodOnlyNearsALimit) {
  const auto fit = MaximizeByNewton(
      [](const std::vector<double>& p, Derivatives* derivatives) {
        if (derivatives != nullptr) {
          derivatives->gradient = {1 / (p[0] * p[0])};
          derivatives->hessian = Eigen::MatrixXd::Constant(1, 1, -2 / (p[0] * p[0] * p[0]));
        }
        return -1 / p[0];
      },
      {1});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_GT(fit->parameters[0], 1e3);
  EXPECT_TRUE(std::isfinite(fit->parameters[0]));
}

TEST(MaximizeByNewtonTest, RefusesAStartWithoutALikelihoodAndGivesUpAtItsDeadline) {
  EXPECT_EQ(MaximizeByNewton([](const auto&, auto*) { return NAN; }, {1}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const auto late = MaximizeByNewton(
      [](const std::vector<double>& p, Derivatives* derivatives) {
        if (derivatives != nullptr) {
          *derivatives = {.gradient = {-2 * (p[0] - 7)}, .hessian = Eigen::MatrixXd::Constant(1, 1, -2)};
        }
        return -(p[0] - 7) * (p[0] - 7);
      },
      {1}, {.deadline = absl::InfinitePast()});
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace perennial::value
