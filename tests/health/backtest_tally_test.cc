#include "health-svc/rules/backtest_tally.h"

#include <gtest/gtest.h>

#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

class BacktestTallyTest : public ::testing::Test {
 protected:
  BacktestTallyTest() {
    (void)facts_.Row({{"a", 0.0}, {"b", 0.0}});
    scorecards_ = Compiled(CardOf(Group("g", 1) + Plain("a", "g", 1) + Plain("b", "g", 1)), facts_.catalogue());
    tally_.emplace(*scorecards_.all().front(), 90);
  }
  // An account with a score of `a` (and no b).
  void Add(double a, std::optional<double> days_to_churn = std::nullopt) { AddRow({{"a", a}}, days_to_churn); }
  void AddRow(const FactMap& row, std::optional<double> days_to_churn = std::nullopt) {
    tally_->Add(scorecards_.Evaluate(facts_.Row(row), AnyTime()), days_to_churn);
  }
  RuleFacts facts_;
  Scorecards scorecards_;
  std::optional<BacktestTally> tally_;
};

// 100 accounts with scores 0 to 99, of which the 20 lowest but the 5 very lowest churn, and 5 of the highest.
TEST_F(BacktestTallyTest, TellsTenthsEdgesAndBands) {
  for (int i = 0; i < 100; ++i) {
    const bool churned = (i >= 5 && i < 20) || i >= 95;
    Add(i, churned ? std::optional<double>(i + 0.5) : std::nullopt);
  }
  const auto out = tally_->Result();
  EXPECT_EQ(out.accounts(), 100);
  EXPECT_EQ(out.churned(), 20);
  ASSERT_EQ(out.deciles_size(), 10);
  EXPECT_EQ(out.deciles(0).accounts(), 10);
  EXPECT_EQ(out.deciles(0).churned(), 5);
  EXPECT_DOUBLE_EQ(out.deciles(0).lift(), 2.5);
  EXPECT_EQ(out.deciles(0).lowest_score(), 0);
  EXPECT_EQ(out.deciles(0).highest_score(), 9);
  EXPECT_EQ(out.deciles(9).churned(), 5);
  EXPECT_EQ(out.deciles(4).lift(), 0);
  ASSERT_EQ(out.edges_size(), 2);
  EXPECT_EQ(out.edges(0).band(), "yellow");
  EXPECT_EQ(out.edges(0).accounts_below(), 50);
  EXPECT_DOUBLE_EQ(out.edges(0).precision().value(), 0.3);
  EXPECT_DOUBLE_EQ(out.edges(0).recall().value(), 0.75);
  EXPECT_LT(out.edges(0).recall().low(), 0.75);
  EXPECT_GT(out.edges(0).recall().high(), 0.75);
  ASSERT_EQ(out.calibration_size(), 3);
  EXPECT_EQ(out.calibration(2).accounts(), 25);
  EXPECT_DOUBLE_EQ(out.calibration(2).churn_rate().value(), 0.2);
  EXPECT_DOUBLE_EQ(out.calibration(0).mean_score(), 24.5);
  // Of red, days 5 to 19.
  EXPECT_DOUBLE_EQ(out.median_lead_days(), 12);
  // 15 of 20 have 75 to 80 of 80 above them; the rest has none.
  double pairs = 0;
  for (int i = 0; i < 100; ++i) {
    if (!((i >= 5 && i < 20) || i >= 95)) continue;
    for (int j = 0; j < 100; ++j) {
      if ((j >= 5 && j < 20) || j >= 95) continue;
      pairs += i < j ? 1 : 0;
    }
  }
  EXPECT_NEAR(out.auc().value(), pairs / (20 * 80), 1e-12);
}

TEST_F(BacktestTallyTest, DecidesBandsOnTheUnroundedScore) {
  Add(49.99999, 1);
  Add(50);
  const auto out = tally_->Result();
  EXPECT_EQ(out.edges(0).accounts_below(), 1);
}

TEST_F(BacktestTallyTest, KeepsAccountsWithTheSameScoreTogether) {
  for (int i = 0; i < 30; ++i) Add(i < 20 ? 10 : 90, i < 6 ? std::optional<double>(3) : std::nullopt);
  const auto out = tally_->Result();
  ASSERT_EQ(out.deciles_size(), 2);
  EXPECT_EQ(out.deciles(0).accounts(), 20);
  EXPECT_EQ(out.deciles(0).churned(), 6);
  EXPECT_EQ(out.deciles(1).accounts(), 10);
  EXPECT_DOUBLE_EQ(out.deciles(0).lift(), 1.5);
}

TEST_F(BacktestTallyTest, CountsUnknownScoresApart) {
  for (int i = 0; i < 4; ++i) Add(i, i % 2 == 0 ? std::optional<double>(3) : std::nullopt);
  AddRow({}, 3);
  const auto out = tally_->Result();
  EXPECT_EQ(out.accounts(), 4);
  EXPECT_EQ(out.churned(), 2);
  EXPECT_EQ(out.unknown(), 1);
}

TEST_F(BacktestTallyTest, TellsEachMeasureAloneWhereItIsKnown) {
  for (int i = 0; i < 20; ++i) {
    const bool churned = i < 5;
    FactMap row = {{"a", i * 1.0}};
    if (i % 2 == 0) row["b"] = 100.0 - i;
    AddRow(row, churned ? std::optional<double>(3) : std::nullopt);
  }
  const auto out = tally_->Result();
  ASSERT_EQ(out.measures_size(), 2);
  EXPECT_EQ(out.measures(0).auc().value(), 1);
  EXPECT_EQ(out.measures(1).auc().value(), 0) << "a measure that says the opposite";
  EXPECT_EQ(out.measures(1).accounts(), 10);
  EXPECT_EQ(out.measures(1).churned(), 3);
}

}  // namespace
}  // namespace perennial::health
