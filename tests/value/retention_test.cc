#include "health-svc/value/retention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace perennial::value {
namespace {

// Fader & Hardie (2007), Table 1: of 1,000 customers, how many are left after each year.
const std::vector<double> kRegular = {1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173};
const std::vector<double> kHighEnd = {1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394};

Renewals First(const std::vector<double>& left, std::size_t periods) {
  Renewals renewals;
  for (std::size_t t = 0; t < periods; ++t) renewals.periods.push_back({left[t], left[t] - left[t + 1]});
  return renewals;
}

void ExpectFourDigits(double value, double expected) { EXPECT_NEAR(value, expected, std::abs(expected) * 5e-5); }

struct Published {
  RetentionFamily family;
  const std::vector<double>* left;
  std::size_t periods;
  double alpha, beta, c, log_likelihood;
};

// Fader & Hardie (2007) and Fader et al. (2018), recomputed for 1,000 customers.
TEST(RetentionTest, FitsThePublishedParameters) {
  const auto sbg = RetentionFamily::kShiftedBetaGeometric;
  const auto bdw = RetentionFamily::kBetaDiscreteWeibull;
  for (const Published& expected : {Published{sbg, &kHighEnd, 7, 0.668088, 3.806095, 1, -1611.1581},
                                    Published{sbg, &kRegular, 7, 0.704077, 1.182043, 1, -1680.2652},
                                    Published{bdw, &kHighEnd, 4, 0.259336, 1.722551, 1.584362, -1222.7493},
                                    Published{bdw, &kRegular, 4, 0.523029, 0.894283, 1.196399, -1401.3831}}) {
    const auto fit = FitRetention(expected.family, First(*expected.left, expected.periods));
    ASSERT_TRUE(fit.ok()) << fit.status();
    ExpectFourDigits(fit->model.alpha, expected.alpha);
    ExpectFourDigits(fit->model.beta, expected.beta);
    ExpectFourDigits(fit->model.c, expected.c);
    EXPECT_NEAR(fit->fit.log_likelihood, expected.log_likelihood, 1e-3);
    EXPECT_NEAR(LogLikelihoodOf(fit->model, First(*expected.left, expected.periods)), fit->fit.log_likelihood, 1e-9);
    EXPECT_FALSE(fit->fit.StandardErrors().empty());
  }
}

// Fader & Hardie (2010), with d = 10 %.
TEST(RetentionTest, GivesThePublishedResidualLifetimes) {
  const RetentionModel model{.alpha = 0.668088, .beta = 3.806095};
  const double expected[] = {5.4145, 5.9014, 6.2939, 6.6199, 6.8967, 7.1357, 7.3447, 7.5296};
  for (int n = 1; n <= 8; ++n) {
    EXPECT_NEAR(Derl(model, n, 0.1), expected[n - 1], 5e-5) << n;
    EXPECT_NEAR(DerlBySeries(model, n, 0.1), Derl(model, n, 0.1), 1e-8) << n;
  }
  EXPECT_NEAR(DelOfNewCustomer(model, 0.1), 5.92226, 5e-5);
}

TEST(RetentionTest, ClosedFormAndSeriesAgreeForRandomParameters) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> log(-2, 3);
  for (int i = 0; i < 200; ++i) {
    const RetentionModel model{.alpha = std::exp(log(random)), .beta = std::exp(log(random))};
    const double d = 0.01 + 0.02 * (i % 20);
    const int n = 1 + i % 12;
    const double series = DerlBySeries(model, n, d);
    EXPECT_NEAR(Derl(model, n, d), series, 1e-7 * series) << model.alpha << " " << model.beta << " " << d << " " << n;
  }
}

TEST(RetentionTest, RetentionOfTheOldIsHigherBecauseTheHastyHaveLeft) {
  const RetentionModel model{.alpha = 0.7, .beta = 1.2};
  for (int t = 2; t < 20; ++t) EXPECT_GT(model.RetentionRate(t), model.RetentionRate(t - 1));
}

TEST(RetentionTest, IntervalsHoldTheSurvivalAndNarrowWithMoreCustomers) {
  Renewals ten_times = First(kRegular, 7);
  for (auto& period : ten_times.periods) period = {period.at_risk * 10, period.lost * 10};
  const auto few = FitRetention(RetentionFamily::kShiftedBetaGeometric, First(kRegular, 7));
  const auto many = FitRetention(RetentionFamily::kShiftedBetaGeometric, ten_times);
  ASSERT_TRUE(few.ok() && many.ok());
  for (const double t : {1.0, 7.0, 12.0}) {
    const auto wide = few->SurvivalInterval(t);
    const auto narrow = many->SurvivalInterval(t);
    ASSERT_TRUE(wide.has_value() && narrow.has_value());
    EXPECT_LT(wide->low, few->model.Survival(t));
    EXPECT_GT(wide->high, few->model.Survival(t));
    EXPECT_NEAR((wide->high - wide->low) / (narrow->high - narrow->low), std::sqrt(10), 0.2) << t;
  }
}

TEST(RetentionTest, TheWeibullFitIsNeverWorseThanTheSimplerOne) {
  const auto fits = FitBestRetention(First(kHighEnd, 7));
  ASSERT_TRUE(fits.ok()) << fits.status();
  ASSERT_EQ(fits->size(), 2u);
  EXPECT_LE((*fits)[0].aic, (*fits)[1].aic);
  const bool weibull_first = (*fits)[0].model.family == RetentionFamily::kBetaDiscreteWeibull;
  EXPECT_GE((*fits)[weibull_first ? 0 : 1].fit.log_likelihood,
            (*fits)[weibull_first ? 1 : 0].fit.log_likelihood - 1e-6);
}

TEST(RetentionTest, CountsCustomersOfUnequalAges) {
  const Renewals renewals = Renewals::Of({{.renewals = 2, .lost = false},
                                          {.renewals = 1, .lost = true},
                                          {.renewals = 0, .lost = true},
                                          {.renewals = 0, .lost = false}});
  ASSERT_EQ(renewals.periods.size(), 2u);
  EXPECT_EQ(renewals.periods[0].at_risk, 3);  // the last one has not had to choose yet
  EXPECT_EQ(renewals.periods[0].lost, 1);
  EXPECT_EQ(renewals.periods[1].at_risk, 2);
  EXPECT_EQ(renewals.periods[1].lost, 1);
}

TEST(RetentionTest, SaysWhenThereIsTooLittleToTell) {
  const auto sbg = RetentionFamily::kShiftedBetaGeometric;
  for (const Renewals& renewals :
       {Renewals{}, Renewals{{{100, 0}, {100, 0}}}, Renewals{{{100, 100}}}, Renewals{{{100, 5}}}}) {
    EXPECT_EQ(FitRetention(sbg, renewals).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(FitRetention(sbg, {{{1, 2}, {1, 0}}}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FitRetention(sbg, {{{NAN, 0}, {1, 0}}}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RetentionTest, StaysFiniteOnExtremeData) {
  for (const Renewals& renewals :
       {Renewals{{{2, 1}, {1, 0}}}, Renewals{{{1e12, 1}, {1e12, 1}, {1e12, 1}}}, Renewals{{{1e9, 1e9 - 1}, {1, 0}}},
        Renewals{{{100, 10}, {90, 9}, {81, 8}, {73, 7}}}}) {
    for (const auto family : {RetentionFamily::kShiftedBetaGeometric, RetentionFamily::kBetaDiscreteWeibull}) {
      const auto fit = FitRetention(family, renewals);
      if (!fit.ok()) continue;
      EXPECT_TRUE(std::isfinite(fit->model.alpha) && std::isfinite(fit->model.beta) && std::isfinite(fit->model.c));
      EXPECT_TRUE(std::isfinite(fit->fit.log_likelihood));
      EXPECT_GE(fit->model.Survival(5), 0);
      EXPECT_LE(fit->model.Survival(5), 1);
    }
  }
}

}  // namespace
}  // namespace perennial::value
