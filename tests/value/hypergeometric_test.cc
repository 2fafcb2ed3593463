#include "health-svc/value/hypergeometric.h"

#include <gtest/gtest.h>

#include <cmath>

namespace perennial::value {
namespace {

// Abramowitz & Stegun, 15.1.3: 2F1(1, 1; 2; z) = -ln(1 - z) / z.
TEST(Hypergeometric2F1Test, IsALogarithmWhereAbramowitzAndStegunSaySo) {
  for (const double z : {0.01, 0.3, 0.5, 0.9, 0.99, 0.999}) {
    EXPECT_NEAR(Hypergeometric2F1(1, 1, 2, z), -std::log1p(-z) / z, 1e-10 * -std::log1p(-z) / z) << z;
  }
}

// 15.1.8: 2F1(a, b; b; z) = (1 - z)^-a.
TEST(Hypergeometric2F1Test, IsAPowerWhereAbramowitzAndStegunSaySo) {
  for (const double z : {0.1, 0.6, 0.95}) {
    EXPECT_NEAR(Hypergeometric2F1(2.5, 3, 3, z), std::pow(1 - z, -2.5), 1e-9 * std::pow(1 - z, -2.5)) << z;
  }
}

TEST(Hypergeometric2F1Test, IsOneAtZero) { EXPECT_EQ(Hypergeometric2F1(2, 3, 4, 0), 1); }

}  // namespace
}  // namespace perennial::value
