#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "health-svc/churn_evaluation.h"
#include "health-svc/churn_fit.h"
#include "health-svc/value_models.h"
#include "tests/health/scorecards_for_tests.h"
#include "tests/testing/status_matchers.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

// Rows made by a function of the number of an account: its facts, and whether it churned.
struct Made {
  FactMap facts = {};
  bool churned = false;
};

class ChurnLearningTest : public ::testing::Test {
 protected:
  absl::StatusOr<v1::ChurnFit> Learn(int accounts, const std::function<Made(int)>& make, ChurnLearning how = {},
                                     std::vector<std::string> wanted = {}, std::size_t most_rows = 100000) {
    // All facts are known before a row has them.
    for (int i = 0; i < accounts; ++i) (void)facts_.Row(make(i).facts);
    ChurnRows rows(std::move(wanted), facts_.catalogue(), most_rows);
    for (int i = 0; i < accounts; ++i) {
      const Made made = make(i);
      rows.Add(absl::StrCat("account-", i), /*date=*/0, made.churned, facts_.Row(made.facts));
    }
    how.last_date = 99;
    return LearnChurn(rows, how);
  }
  static void ExpectSane(const v1::ChurnFit& fit) {
    EXPECT_TRUE(std::isfinite(fit.intercept()) && std::isfinite(fit.calibration_slope()) &&
                std::isfinite(fit.calibration_offset()));
    for (const auto& coefficient : fit.coefficients()) {
      EXPECT_TRUE(std::isfinite(coefficient.coefficient()) && std::isfinite(coefficient.mean()) &&
                  std::isfinite(coefficient.standardised()))
          << coefficient.ShortDebugString();
    }
    const v1::ChurnEvaluation& evaluation = fit.evaluation();
    EXPECT_TRUE(evaluation.auc().value() >= 0 && evaluation.auc().value() <= 1);
    EXPECT_TRUE(std::isfinite(evaluation.brier()) && evaluation.brier() >= 0 && evaluation.brier() <= 1);
    for (const auto& bin : evaluation.calibration()) EXPECT_TRUE(bin.predicted() >= 0 && bin.predicted() <= 1);
  }
  static double Uniform(int account, const char* salt) { return FractionOf(absl::StrCat(account), salt); }
  RuleFacts facts_;
};

// Log odds -1 + 2 z + 1 for one of two plans, with z standard and known to the model as 10 + 5 z.
Made Known(int i) {
  std::mt19937_64 random(static_cast<std::uint64_t>(i) * 7919 + 13);
  std::normal_distribution<double> normal;
  const double z = normal(random);
  const bool basic = FractionOf(absl::StrCat(i), "plan") < 0.5;
  const double log_odds = -1 + 2 * z + (basic ? 1 : 0);
  const bool churned = FractionOf(absl::StrCat(i), "outcome") < 1 / (1 + std::exp(-log_odds));
  return {.facts = {{"z", 10 + 5 * z}, {"plan", std::string(basic ? "basic" : "pro")}, {"mrr", 10.0}},
          .churned = churned};
}

TEST_F(ChurnLearningTest, FindsWhatTheRowsWereMadeOf) {
  const auto fit = Learn(20000, Known, {.ridge = 0.01});
  ASSERT_TRUE(fit.ok()) << fit.status();
  ExpectSane(*fit);
  double z = 0;
  double basic = 0;
  for (const auto& coefficient : fit->coefficients()) {
    if (coefficient.term() == "z") z = coefficient.coefficient();
    if (coefficient.term() == "plan=basic") basic += coefficient.coefficient();
    if (coefficient.term() == "plan=pro") basic -= coefficient.coefficient();
    EXPECT_NE(coefficient.term(), "mrr") << "it is the same for all";
  }
  EXPECT_NEAR(z, 2.0 / 5, 0.03);
  EXPECT_NEAR(basic, 1, 0.15);
  EXPECT_NEAR(fit->calibration_slope(), 1, 0.1);
  EXPECT_NEAR(fit->calibration_offset(), 0, 0.1);
  EXPECT_LT(fit->evaluation().brier(), fit->evaluation().brier_of_mean());
  EXPECT_GT(fit->evaluation().top_decile_lift(), 2);
  EXPECT_FALSE(fit->evaluation().out_of_time());
  // Predicted and observed rates of the tenths agree.
  ASSERT_EQ(fit->evaluation().calibration_size(), 10);
  for (const auto& bin : fit->evaluation().calibration()) {
    EXPECT_NEAR(bin.predicted(), bin.observed().value(), 0.06) << bin.ShortDebugString();
  }
}

TEST_F(ChurnLearningTest, ScoresAccountsAsItWasEvaluated) {
  const auto fit = Learn(4000, Known);
  ASSERT_TRUE(fit.ok());
  // The compiled model over a table gives the calibrated log odds that the coefficients say.
  ChurnModel model(*fit);
  facts::FactTable table;
  const facts::RowId row = table.Upsert("one");
  const facts::FactRow facts = facts_.Row({{"z", 12.0}, {"plan", std::string("basic")}});
  std::vector<facts::FactId> all;
  for (facts::FactId id = 0; id < facts_.catalogue().size(); ++id) all.push_back(id);
  table.Replace(row, facts, facts_.catalogue(), all);
  (void)model.Resolve(facts_.catalogue());
  double log_odds = fit->intercept();
  for (const auto& told : fit->coefficients()) {
    double x = told.mean();  // unknown numbers count as the mean
    if (told.term() == "z") x = 12;
    if (told.term() == "plan=basic") x = 1;
    if (told.term() == "plan=pro") x = 0;
    log_odds += told.coefficient() * (x - told.mean());
  }
  log_odds = fit->calibration_slope() * log_odds + fit->calibration_offset();
  std::vector<double> found;
  std::vector<double> coverage;
  model.LogOdds(table, {row}, found, coverage);
  EXPECT_NEAR(found[0], log_odds, 1e-9);
  double sum = 0;
  for (const auto& reason : model.Reasons(table, row, facts_.catalogue())) sum += reason.log_odds();
  EXPECT_NEAR(sum, log_odds - fit->calibration_slope() * fit->intercept() - fit->calibration_offset(), 1e-9)
      << "reasons add up";
}

TEST_F(ChurnLearningTest, SaysWhenNobodyOrEverybodyChurned) {
  for (const bool churned : {false, true}) {
    const auto fit = Learn(500, [&](int i) { return Made{.facts = {{"z", i * 1.0}}, .churned = churned}; });
    EXPECT_THAT(fit.status(), testing::HasCode(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(std::string(fit.status().message()), HasSubstr("too few of one kind"));
  }
  EXPECT_THAT(Learn(1, Known).status(), testing::HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(ChurnLearningTest, TellsTheMeanRateWhereAllValuesAreEqual) {
  const auto fit = Learn(2000, [](int i) {
    return Made{.facts = {{"z", 3.0}, {"plan", std::string("one")}}, .churned = i % 4 == 0};
  });
  ASSERT_TRUE(fit.ok()) << fit.status();
  ExpectSane(*fit);
  EXPECT_EQ(fit->coefficients_size(), 0);
  EXPECT_EQ(fit->evaluation().auc().value(), 0.5);
  EXPECT_NEAR(fit->evaluation().calibration(0).predicted(), 0.25, 0.03);
}

TEST_F(ChurnLearningTest, LearnsFromWhatIsUnknown) {
  // Those without an answer churn; the answer itself says nothing.
  const auto fit = Learn(2000, [](int i) {
    const bool silent = Uniform(i, "silent") < 0.4;
    Made made{.facts = {{"other", Uniform(i, "other")}}, .churned = Uniform(i, "outcome") < (silent ? 0.8 : 0.1)};
    if (!silent) made.facts["nps.latest"] = Uniform(i, "nps") * 10;
    return made;
  });
  ASSERT_TRUE(fit.ok()) << fit.status();
  ExpectSane(*fit);
  EXPECT_EQ(fit->coefficients(0).term(), "nps.latest?");
  EXPECT_GT(fit->coefficients(0).coefficient(), 2);
  EXPECT_GT(fit->evaluation().auc().value(), 0.75);
}

TEST_F(ChurnLearningTest, BearsExtremeNumbersCollinearAndSeparatingOnes) {
  const auto fit = Learn(2000, [](int i) {
    const bool churned = i % 3 == 0;
    return Made{.facts = {{"huge", i % 50 == 0 ? 1e300 : -1e300},
                          {"tiny", i * 1e-300},
                          {"separates", churned ? 1.0 : 0.0},
                          {"same", churned ? 2.0 : 0.0},
                          {"same_again", churned ? -2.0 : 0.0}},
                .churned = churned};
  });
  ASSERT_TRUE(fit.ok()) << fit.status();
  ExpectSane(*fit);
  EXPECT_EQ(fit->evaluation().auc().value(), 1);
}

TEST_F(ChurnLearningTest, IsNotTurnedRoundByNoise) {
  const auto fit = Learn(400, [](int i) {
    Made made{.churned = Uniform(i, "outcome") < 0.3};
    for (int f = 0; f < 20; ++f) made.facts[absl::StrCat("noise", f)] = Uniform(i, absl::StrCat("n", f).c_str());
    return made;
  });
  ASSERT_TRUE(fit.ok()) << fit.status();
  ExpectSane(*fit);
  EXPECT_GE(fit->calibration_slope(), 0);
  EXPECT_LT(fit->evaluation().brier(), fit->evaluation().brier_of_mean() * 1.2);
}

TEST_F(ChurnLearningTest, LooksAtTheFactsThatAreAskedForAndNeverAtTheOutcome) {
  const auto make = [](int i) {
    Made made = Known(i);
    made.facts["phase"] = std::string(made.churned ? "CHURNED" : "SUCCESS");
    made.facts["usage.logins.sum_7d"] = Uniform(i, "logins");
    return made;
  };
  const auto all = Learn(2000, make);
  ASSERT_TRUE(all.ok());
  for (const auto& coefficient : all->coefficients())
    EXPECT_THAT(coefficient.term(), ::testing::Not(HasSubstr("phase")));
  const auto some = Learn(2000, make, {}, {"usage.*", "mrr"});
  ASSERT_TRUE(some.ok());
  for (const auto& coefficient : some->coefficients()) EXPECT_EQ(coefficient.term(), "usage.logins.sum_7d");
}

TEST_F(ChurnLearningTest, KeepsAShareOfTheAccountsWhereThereAreMoreThanItHasRoomFor) {
  const auto fit = Learn(4000, Known, {}, {}, 1000);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_LE(fit->rows() + fit->evaluation().rows(), 1000);
  EXPECT_GT(fit->rows() + fit->evaluation().rows(), 300);
  EXPECT_GT(fit->evaluation().auc().value(), 0.75);
}

TEST_F(ChurnLearningTest, EndsAtItsDeadline) {
  EXPECT_THAT(Learn(2000, Known, {.deadline = absl::Now() - absl::Seconds(1)}).status(),
              testing::HasCode(absl::StatusCode::kDeadlineExceeded));
}

TEST(ChurnEvaluationTest, IsWhatItSaysOfAFewRows) {
  // One pair of four is the wrong way round.
  const v1::ChurnEvaluation out = EvaluateChurn({{.churn = 0.1},
                                                 {.churn = 0.8, .churned = false},
                                                 {.churn = 0.7, .churned = true},
                                                 {.churn = 0.9, .churned = true}},
                                                0.5);
  EXPECT_NEAR(out.auc().value(), 0.75, 1e-12);
  EXPECT_NEAR(out.brier(), (0.01 + 0.64 + 0.09 + 0.01) / 4, 1e-12);
  EXPECT_NEAR(out.brier_of_mean(), 0.25, 1e-12);
  EXPECT_EQ(out.rows(), 4);
  EXPECT_EQ(out.churned(), 2);
}

}  // namespace
}  // namespace perennial::health
