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

}  // namespace
}  // namespace perennial::value
