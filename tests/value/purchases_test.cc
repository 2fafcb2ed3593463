#include "health-svc/value/purchases.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "health-svc/value/purchase_likelihoods.h"

namespace perennial::value {
namespace {

double TwoDecimals(double value) { return std::round(value * 100) / 100; }

struct Cdnow {
  std::vector<PurchaseHistory> histories;
  std::vector<Spend> spends;  // of repeat purchases
};

// CDNOW's sample of 2,357 customers: purchases of a day are one; weeks to 1997-09-30, with two decimals as published.
Cdnow ReadCdnow() {
  std::ifstream file(PERENNIAL_SOURCE_DIR "/../shared/data/cdnow/CDNOW_sample.txt");
  std::map<std::string, std::map<absl::CivilDay, double>> customers;
  std::string unused;
  std::string id;
  long date = 0;
  double discs = 0;
  double value = 0;
  while (file >> unused >> id >> date >> discs >> value) {
    customers[id][absl::CivilDay(date / 10000, date / 100 % 100, date % 100)] += value;
  }
  const absl::CivilDay end(1997, 9, 30);
  Cdnow cdnow;
  for (const auto& [name, days] : customers) {
    const absl::CivilDay first = days.begin()->first;
    absl::CivilDay last = first;
    double repeats = 0;
    double spent = 0;
    for (const auto& [day, amount] : days) {
      if (day == first || day > end) continue;
      last = day;
      ++repeats;
      spent += amount;
    }
    cdnow.histories.push_back({repeats, TwoDecimals(static_cast<double>(last - first) / 7),
                               TwoDecimals(static_cast<double>(end - first) / 7)});
    if (spent > 0) cdnow.spends.push_back({repeats, TwoDecimals(spent / repeats)});
  }
  return cdnow;
}

class CdnowTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cdnow_.histories.empty()) GTEST_SKIP() << "the CDNOW data is not beside the project";
    ASSERT_EQ(cdnow_.histories.size(), 2357u);
    ASSERT_EQ(cdnow_.spends.size(), 946u);
  }
  const Cdnow cdnow_ = ReadCdnow();
};

// To four digits.
#define EXPECT_DIGITS(value, expected) EXPECT_NEAR(value, expected, std::abs(expected) * 5e-5)

// Fader, Hardie & Lee (2005): .243, 4.414, .793, 2.426, -9582.4; the further digits recomputed.
TEST_F(CdnowTest, BgNbdHasThePublishedFit) {
  const auto fit = FitBgNbd(cdnow_.histories);
  ASSERT_TRUE(fit.ok()) << fit.status();
  const BgNbd& model = fit->model;
  EXPECT_DIGITS(model.r, 0.24259);
  EXPECT_DIGITS(model.alpha, 4.41353);
  EXPECT_DIGITS(model.a, 0.79289);
  EXPECT_DIGITS(model.b, 2.42575);
  EXPECT_NEAR(fit->fit.log_likelihood, -9582.4256, 1e-3);
  EXPECT_NEAR(model.ExpectedPurchases(1), 0.05318, 1e-5);
  EXPECT_NEAR(model.ExpectedPurchases(39), 1.19502, 1e-5);
  EXPECT_NEAR(model.ExpectedPurchases(78), 1.85797, 1e-5);
  EXPECT_NEAR(model.ExpectedPurchases({2, 30.43, 38.86}, 39), 1.2259, 5e-5);
  double sum = 0;
  for (const PurchaseHistory& history : cdnow_.histories) sum += model.LogLikelihood(history);
  EXPECT_NEAR(sum, fit->fit.log_likelihood, 1e-6);
}

// .553, 10.578, .606, 11.669.
TEST_F(CdnowTest, ParetoNbdHasThePublishedFit) {
  const auto fit = FitParetoNbd(cdnow_.histories);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_DIGITS(fit->model.r, 0.55328);
  EXPECT_DIGITS(fit->model.alpha, 10.57761);
  EXPECT_DIGITS(fit->model.s, 0.60621);
  EXPECT_DIGITS(fit->model.beta, 11.66792);
  EXPECT_NEAR(fit->fit.log_likelihood, -9594.9739, 1e-3);
}

// 6.25, 3.74, 15.44.
TEST_F(CdnowTest, GammaGammaHasThePublishedFit) {
  const auto fit = FitGammaGamma(cdnow_.spends);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->model.p, 6.24880, 1e-3);
  EXPECT_NEAR(fit->model.q, 3.74459, 5e-4);
  EXPECT_NEAR(fit->model.gamma, 15.44775, 5e-3);
}

// Held out: 1,882 purchases in the 39 weeks after, of which the model sees none. It foretells somewhat too few of them,
// as the authors saw too (figure 3 of their article).
TEST_F(CdnowTest, BgNbdForetellsTheHeldOutPurchases) {
  const auto fit = FitBgNbd(cdnow_.histories);
  ASSERT_TRUE(fit.ok()) << fit.status();
  double expected = 0;
  for (const PurchaseHistory& history : cdnow_.histories) expected += fit->model.ExpectedPurchases(history, 39);
  EXPECT_NEAR(expected, 1882, 0.15 * 1882);
}

TEST(PurchasesTest, SlopesOfTheLikelihoodsAreThoseOfTheirValues) {
  const std::vector<WeightedHistory> histories = {
      {{3, 20, 40}, 2}, {{0, 0, 30}, 5}, {{12, 38, 39}, 1}, {{1, 2, 39}, 3}};
  const std::vector<Spend> spends = {{2, 15}, {7, 40}, {1, 3.5}};
  const auto check = [](const LogLikelihood& likelihood, const std::vector<double>& at) {
    std::vector<double> gradient;
    likelihood(at, &gradient);
    for (std::size_t i = 0; i < at.size(); ++i) {
      std::vector<double> above = at;
      std::vector<double> below = at;
      above[i] += 1e-6;
      below[i] -= 1e-6;
      EXPECT_NEAR(gradient[i], (likelihood(above, nullptr) - likelihood(below, nullptr)) / 2e-6, 1e-4) << i;
    }
  };
  const auto bg_nbd = [&](const std::vector<double>& at, std::vector<double>* gradient) {
    Derivatives derivatives;
    const double value = BgNbdLikelihood(histories, at, &derivatives);
    if (gradient != nullptr) *gradient = derivatives.gradient;
    return value;
  };
  check(bg_nbd, {0.5, 6, 0.9, 2});
  check([&](const std::vector<double>& at,
            std::vector<double>* gradient) { return ParetoNbdLikelihood(histories, at, gradient); },
        {0.5, 9, 0.7, 12});
  check([&](const std::vector<double>& at,
            std::vector<double>* gradient) { return ParetoNbdLikelihood(histories, at, gradient); },
        {0.5, 12, 0.7, 9});
  check([&](const std::vector<double>& at,
            std::vector<double>* gradient) { return GammaGammaLikelihood(spends, at, gradient); },
        {5, 4, 14});
}

TEST(PurchasesTest, CurvesOfTheBgNbdLikelihoodAreThoseOfItsSlopes) {
  const std::vector<WeightedHistory> histories = {
      {{0, 0, 30}, 5}, {{1, 2, 39}, 3}, {{3, 20, 40}, 2}, {{12, 38, 39}, 1}, {{200, 38, 39}, 1}, {{200.5, 20, 39}, 1}};
  const std::vector<double> at = {0.5, 6, 0.9, 2};
  Derivatives here;
  const double value = BgNbdLikelihood(histories, at, &here);
  double sum = 0;
  for (const auto& [history, count] : histories) {
    sum += count * BgNbd{.r = at[0], .alpha = at[1], .a = at[2], .b = at[3]}.LogLikelihood(history);
  }
  EXPECT_NEAR(value, sum, 1e-9 * std::abs(sum));
  for (std::size_t i = 0; i < at.size(); ++i) {
    Derivatives above;
    Derivatives below;
    std::vector<double> moved = at;
    moved[i] = at[i] + 1e-5;
    BgNbdLikelihood(histories, moved, &above);
    moved[i] = at[i] - 1e-5;
    BgNbdLikelihood(histories, moved, &below);
    for (std::size_t j = 0; j < at.size(); ++j) {
      const double slope = (above.gradient[j] - below.gradient[j]) / 2e-5;
      EXPECT_NEAR(here.hessian(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)), slope,
                  1e-5 * std::max(1.0, std::abs(slope)))
          << i << " " << j;
    }
  }
}

TEST(PurchasesTest, AliveIsLessLikelyTheLongerNothingWasBought) {
  const BgNbd bg{0.24, 4.4, 0.8, 2.4};
  const ParetoNbd pareto{0.55, 10.6, 0.6, 11.7};
  double bg_before = 1.1;
  double pareto_before = 1.1;
  for (const double age : {20.0, 25.0, 40.0, 80.0, 200.0}) {
    const PurchaseHistory history{5, 20, age};
    EXPECT_LT(bg.ProbabilityAlive(history), bg_before);
    EXPECT_LT(pareto.ProbabilityAlive(history), pareto_before);
    bg_before = bg.ProbabilityAlive(history);
    pareto_before = pareto.ProbabilityAlive(history);
  }
}

TEST(PurchasesTest, ExpectationsHaveNoPoles) {
  for (const double one : {0.999999, 1.0, 1.000001}) {
    const BgNbd bg{0.24, 4.4, one, 2.4};
    const ParetoNbd pareto{0.55, 10.6, one, 11.7};
    EXPECT_NEAR(bg.ExpectedPurchases({2, 30, 39}, 39), BgNbd({0.24, 4.4, 1.01, 2.4}).ExpectedPurchases({2, 30, 39}, 39),
                0.02);
    EXPECT_NEAR(pareto.ExpectedPurchases(39), ParetoNbd({0.55, 10.6, 1.01, 11.7}).ExpectedPurchases(39), 0.02);
  }
}

TEST(PurchasesTest, DiscountingLowersTheValueAndNoneKeepsIt) {
  const BgNbd model{0.24, 4.4, 0.8, 2.4};
  const PurchaseHistory history{4, 30, 39};
  const double plain = model.ExpectedPurchases(history, 52);
  EXPECT_NEAR(DiscountedPurchases(model, history, 52, 0, 52), plain, 1e-9);
  EXPECT_LT(DiscountedPurchases(model, history, 52, 0.002, 52), plain);
}

TEST(PurchasesTest, SaysWhenThereIsTooLittleToTellOrSomethingIsWrong) {
  EXPECT_EQ(FitBgNbd({{1, 2, 3}}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FitBgNbd(std::vector<PurchaseHistory>(50, {0, 0, 30})).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FitBgNbd(std::vector<PurchaseHistory>(50, {2, 40, 30})).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FitGammaGamma(std::vector<Spend>(50, {2, 10})).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FitGammaGamma({{2, -1}}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PurchasesTest, FitsOfOddCustomersStayFinite) {
  for (const PurchaseHistory& odd : {PurchaseHistory{1, 1e-9, 1e-9}, {1000, 39, 39}, {1, 39, 39}, {3, 1e6, 1e7}}) {
    const auto fit = FitBgNbd(std::vector<PurchaseHistory>(40, odd));
    if (!fit.ok()) continue;
    EXPECT_TRUE(std::isfinite(fit->fit.log_likelihood));
    EXPECT_TRUE(std::isfinite(fit->model.r) && std::isfinite(fit->model.alpha));
  }
}

}  // namespace
}  // namespace perennial::value
