// Degenerate data, for every family of models: a clear error or a sane answer, never a number that is none, never a search
// without end. Each fit has a deadline, and one that runs into it fails its test.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "health-svc/value/logistic.h"
#include "health-svc/value/purchases.h"
#include "health-svc/value/retention.h"

namespace perennial::value {
namespace {

FitLimits Soon() { return {.deadline = absl::Now() + absl::Minutes(1)}; }

// A refusal for a reason that people can act on.
void ExpectRefusal(const absl::Status& status) {
  EXPECT_TRUE(status.code() == absl::StatusCode::kFailedPrecondition ||
              status.code() == absl::StatusCode::kInvalidArgument)
      << status;
  EXPECT_FALSE(status.message().empty());
}

void ExpectFinite(const Fit& fit) {
  EXPECT_TRUE(std::isfinite(fit.log_likelihood)) << fit.log_likelihood;
  for (const double parameter : fit.parameters) EXPECT_TRUE(std::isfinite(parameter) && parameter > 0) << parameter;
  for (const double error : fit.StandardErrors()) EXPECT_TRUE(std::isfinite(error) && error >= 0) << error;
}

void ExpectShare(double share) { EXPECT_TRUE(share >= 0 && share <= 1) << share; }
void ExpectAmount(double amount) { EXPECT_TRUE(std::isfinite(amount) && amount >= 0) << amount; }

struct RetentionCase {
  std::string name;
  Renewals renewals;
  bool refused;
};

TEST(DegenerateTest, RetentionModelsRefuseOrStaySane) {
  Renewals century;
  for (int t = 0; t < 1200; ++t) century.periods.push_back({1e6 - t, 1});
  const std::vector<RetentionCase> cases = {
      {"no customer", {}, true},
      {"one customer who stays", {{{1, 0}, {1, 0}, {1, 0}}}, true},
      {"one customer who leaves at once", {{{1, 1}}}, true},
      {"one customer who renews and leaves", {{{1, 0}, {1, 0}, {1, 1}}}, false},
      {"nobody churned", {{{1000, 0}, {1000, 0}, {1000, 0}, {1000, 0}}}, true},
      {"everybody churned at once", {{{1000, 1000}}}, true},
      {"everybody churned at the same later renewal", {{{1000, 0}, {1000, 0}, {1000, 0}, {1000, 1000}}}, false},
      {"all but one at once", {{{1000, 999}, {1, 0}, {1, 0}, {1, 0}}}, false},
      {"the same rate each period", {{{1000, 100}, {900, 90}, {810, 81}, {729, 73}, {656, 66}}}, false},
      {"a rate that grows", {{{1000, 10}, {990, 100}, {890, 400}, {490, 480}}}, false},
      {"periods that nobody has reached", {{{1000, 100}, {900, 50}, {850, 20}, {0, 0}, {0, 0}}}, false},
      {"fractions of customers", {{{1e-6, 1e-7}, {9e-7, 5e-8}, {8.5e-7, 2e-8}, {8e-7, 1e-8}}}, false},
      {"as many as there can be", {{{1e9, 1e8}, {9e8, 5e7}, {8.5e8, 2e7}, {8e8, 1e7}}}, false},
      {"one in a billion leaves", {{{1e9, 1}, {1e9, 0}, {1e9, 1}, {1e9, 0}}}, false},
      {"a century of months", century, false}};
  for (const RetentionCase& one : cases) {
    for (const auto family : {RetentionFamily::kShiftedBetaGeometric, RetentionFamily::kBetaDiscreteWeibull}) {
      SCOPED_TRACE(one.name + (family == RetentionFamily::kBetaDiscreteWeibull ? ", BdW" : ", sBG"));
      const auto fit = FitRetention(family, one.renewals, Soon());
      EXPECT_FALSE(one.refused && fit.ok());
      if (!fit.ok()) {
        ExpectRefusal(fit.status());
        continue;
      }
      ExpectFinite(fit->fit);
      EXPECT_TRUE(std::isfinite(fit->aic));
      double before = 1;
      for (const double t : {1.0, 2.0, 12.0, 1200.0}) {
        ExpectShare(fit->model.Survival(t));
        EXPECT_LE(fit->model.Survival(t), before);
        before = fit->model.Survival(t);
        const auto interval = fit->SurvivalInterval(t);
        if (!interval.has_value()) continue;
        ExpectShare(interval->low);
        ExpectShare(interval->high);
      }
      ExpectAmount(Derl(fit->model, 1, 0.1));
      ExpectAmount(DelOfNewCustomer(fit->model, 0.1));
    }
  }
}

struct PurchaseCase {
  std::string name;
  std::vector<PurchaseHistory> histories;
  bool refused;
};

std::vector<PurchaseCase> PurchaseCases() {
  const auto many = [](const PurchaseHistory& history) { return std::vector<PurchaseHistory>(50, history); };
  std::vector<PurchaseHistory> magnitudes;
  for (int i = 0; i < 30; ++i) {
    const double unit = std::pow(10, i % 10 - 5);
    magnitudes.push_back({static_cast<double>(i % 7), i % 7 == 0 ? 0 : unit, 2 * unit});
  }
  std::vector<PurchaseHistory> one_buyer = many({0, 0, 40});
  one_buyer.push_back({3, 20, 40});
  return {{"no customer", {}, true},
          {"one customer", {{3, 20, 40}}, true},
          {"nobody bought again", many({0, 0, 40}), true},
          {"times that contradict", many({2, 50, 40}), true},
          {"a time that is none", many({2, NAN, 40}), true},
          {"only one bought again", one_buyer, false},
          {"all the same", many({2, 20, 40}), false},
          {"all alive", many({5, 40, 40}), false},
          {"all gone long ago", many({5, 0.1, 1e6}), false},
          {"no time has passed", many({1, 1e-9, 1e-9}), false},
          {"very many purchases", many({1e5, 39, 40}), false},
          {"counts that are not whole", many({2.5, 20, 40}), false},
          {"very long times", many({3, 1e8, 1e9}), false},
          {"magnitudes far apart", magnitudes, false}};
}

template <class Model>
void ExpectSaneModel(const PurchaseFit<Model>& fit, const std::vector<PurchaseHistory>& histories) {
  ExpectFinite(fit.fit);
  for (const PurchaseHistory& history : histories) {
    ExpectShare(fit.model.ProbabilityAlive(history));
    ExpectAmount(fit.model.ExpectedPurchases(history, 52));
    ExpectAmount(DiscountedPurchases(fit.model, history, 52, 0.002, 4));
  }
}

TEST(DegenerateTest, PurchaseModelsRefuseOrStaySane) {
  for (const PurchaseCase& one : PurchaseCases()) {
    SCOPED_TRACE(one.name);
    const auto bg_nbd = FitBgNbd(one.histories, Soon());
    EXPECT_FALSE(one.refused && bg_nbd.ok());
    if (bg_nbd.ok()) {
      ExpectSaneModel(*bg_nbd, one.histories);
    } else {
      ExpectRefusal(bg_nbd.status());
    }
    const auto pareto = FitParetoNbd(one.histories, Soon());
    EXPECT_FALSE(one.refused && pareto.ok());
    if (pareto.ok()) {
      ExpectSaneModel(*pareto, one.histories);
    } else {
      ExpectRefusal(pareto.status());
    }
  }
}

TEST(DegenerateTest, SpendModelsRefuseOrStaySane) {
  std::vector<Spend> nearly;
  std::vector<Spend> magnitudes;
  for (int i = 0; i < 40; ++i) {
    nearly.push_back({3, 10 + 1e-9 * i});
    magnitudes.push_back({1.0 + i % 5, std::pow(10, i % 16 - 6)});
  }
  const std::vector<std::pair<std::string, std::vector<Spend>>> cases = {
      {"no customer", {}},
      {"one customer", {{2, 10}}},
      {"nobody bought", std::vector<Spend>(40, {0, 0})},
      {"all the same", std::vector<Spend>(40, {2, 10})},
      {"nothing was paid", std::vector<Spend>(40, {2, 0})},
      {"a value that is none", std::vector<Spend>(40, {2, NAN})},
      {"nearly the same", nearly},
      {"magnitudes far apart", magnitudes}};
  for (const auto& [name, spends] : cases) {
    SCOPED_TRACE(name);
    const auto fit = FitGammaGamma(spends, Soon());
    if (!fit.ok()) {
      ExpectRefusal(fit.status());
      continue;
    }
    EXPECT_GE(spends.size(), 10U);
    ExpectFinite(fit->fit);
    for (const Spend& spend : spends) EXPECT_GT(fit->model.ExpectedMean(spend), 0);
  }
}

TEST(DegenerateTest, LogisticModelsRefuseOrStaySane) {
  const auto outcomes = [](int rows, int churned) {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(rows);
    out.head(churned).setOnes();
    return out;
  };
  Eigen::MatrixXd extreme(40, 3);
  for (int i = 0; i < 40; ++i) extreme.row(i) << (i % 2 == 0 ? 1e12 : -1e12), 1e-12 * i, i % 3;
  Eigen::MatrixXd outlier = Eigen::MatrixXd::Zero(40, 1);
  outlier(7, 0) = 1e12;
  const std::vector<std::tuple<std::string, Eigen::MatrixXd, Eigen::VectorXd, bool>> cases = {
      {"no row", Eigen::MatrixXd(0, 2), outcomes(0, 0), true},
      {"one customer", Eigen::MatrixXd::Ones(1, 2), outcomes(1, 1), true},
      {"nobody churned", Eigen::MatrixXd::Random(40, 2), outcomes(40, 0), true},
      {"everybody churned", Eigen::MatrixXd::Random(40, 2), outcomes(40, 40), true},
      {"a column of unknowns that nobody filled", Eigen::MatrixXd::Constant(40, 1, NAN), outcomes(40, 20), true},
      {"no column", Eigen::MatrixXd(40, 0), outcomes(40, 20), false},
      {"all values equal", Eigen::MatrixXd::Constant(40, 2, 7), outcomes(40, 10), false},
      {"one of two churned", Eigen::MatrixXd::Identity(2, 2), outcomes(2, 1), false},
      {"more columns than rows", Eigen::MatrixXd::Random(10, 60), outcomes(10, 4), false},
      {"extreme magnitudes", extreme, outcomes(40, 13), false},
      {"one outlier", outlier, outcomes(40, 13), false}};
  for (const auto& [name, rows, churned, refused] : cases) {
    SCOPED_TRACE(name);
    const auto model = FitLogistic(rows, churned, {.deadline = absl::Now() + absl::Minutes(1)});
    EXPECT_EQ(model.ok(), !refused) << model.status();
    if (!model.ok()) {
      ExpectRefusal(model.status());
      continue;
    }
    EXPECT_TRUE(std::isfinite(model->intercept) && model->coefficients.allFinite());
    for (Eigen::Index i = 0; i < rows.rows(); ++i) ExpectShare(model->Probability(rows.row(i)));
  }
}

TEST(DegenerateTest, EveryFitHonoursItsDeadline) {
  const FitLimits late{.deadline = absl::InfinitePast()};
  const Renewals renewals{{{1000, 100}, {900, 50}, {850, 20}, {830, 10}}};
  std::vector<PurchaseHistory> histories;
  std::vector<Spend> spends;
  for (int i = 0; i < 40; ++i) {
    histories.push_back({1.0 + i % 4, 5.0 + i % 30, 39});
    spends.push_back({1.0 + i % 4, 10.0 + i});
  }
  const auto is_late = [](const absl::Status& status) { return status.code() == absl::StatusCode::kDeadlineExceeded; };
  EXPECT_TRUE(is_late(FitRetention(RetentionFamily::kShiftedBetaGeometric, renewals, late).status()));
  EXPECT_TRUE(is_late(FitRetention(RetentionFamily::kBetaDiscreteWeibull, renewals, late).status()));
  EXPECT_TRUE(is_late(FitBestRetention(renewals, late).status()));
  EXPECT_TRUE(is_late(FitBgNbd(histories, late).status()));
  EXPECT_TRUE(is_late(FitParetoNbd(histories, late).status()));
  EXPECT_TRUE(is_late(FitGammaGamma(spends, late).status()));
}

}  // namespace
}  // namespace perennial::value
