#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "cli/backtest_view.h"

namespace perennial::cli {
namespace {

namespace health = perennial::health::v1;

void Set(double value, double low, double high, health::Estimate* out) {
  out->set_value(value);
  out->set_low(low);
  out->set_high(high);
}

health::BacktestScorecardResponse Answer() {
  health::BacktestScorecardResponse answer;
  answer.set_accounts(28310);
  answer.set_churned(1204);
  answer.set_unknown(17);
  answer.set_scorecard_revision(3);
  answer.set_median_lead_days(41.5);
  Set(0.7814, 0.7681, 0.7949, answer.mutable_auc());
  for (int i = 1; i <= 10; ++i) {
    health::ScoreDecile* decile = answer.add_deciles();
    decile->set_decile(i);
    decile->set_accounts(2831);
    decile->set_churned(400 / i);
    decile->set_lift(3.3 / i);
    decile->set_lowest_score(10.0 * i - 10);
    decile->set_highest_score(10.0 * i);
  }
  health::BandEdge* edge = answer.add_edges();
  edge->set_band("yellow");
  edge->set_lower_bound(50);
  edge->set_accounts_below(9000);
  Set(0.1, 0.09, 0.11, edge->mutable_precision());
  for (const char* id : {"red", "yellow"}) {
    health::BandCalibration* band = answer.add_calibration();
    band->set_band(id);
    if (std::string(id) == "yellow") continue;
    band->set_accounts(9000);
    band->set_churned(900);
    band->set_mean_score(33.33);
    Set(0.1, 0.09, 0.11, band->mutable_churn_rate());
  }
  health::MeasureBacktest* worse = answer.add_measures();
  worse->set_measure("touch_recency");
  worse->set_accounts(20000);
  Set(0.55, 0.53, 0.57, worse->mutable_auc());
  health::MeasureBacktest* unknown = answer.add_measures();
  unknown->set_measure("pulse");
  health::MeasureBacktest* better = answer.add_measures();
  better->set_measure("usage_trend");
  Set(0.72, 0.7, 0.74, better->mutable_auc());
  return answer;
}

std::string Shown(int width) {
  health::BacktestScorecardRequest asked;
  asked.set_name("scorecards/general");
  asked.set_horizon_days(90);
  asked.add_as_of();
  asked.add_as_of();
  return Render(RenderBacktest(asked, Answer(), width), false);
}

TEST(BacktestViewTest, TellsTheAreaWithItsInterval) {
  const std::string shown = Shown(100);
  for (const char* part : {"scorecards/general revision 3", "2 dates, 90 days after each", "0.781 (0.768 to 0.795)",
                           "28,310 scored, 1,204 churned (4.3%), 17 unknown", "10.0% (9.0% to 11.0%)"}) {
    EXPECT_TRUE(absl::StrContains(shown, part)) << part << "\n" << shown;
  }
}

TEST(BacktestViewTest, NamesTheBestMeasureFirstAndUnknownOnesLast) {
  const std::string shown = Shown(100);
  EXPECT_LT(shown.find("usage_trend"), shown.find("touch_recency"));
  EXPECT_LT(shown.find("touch_recency"), shown.find("pulse"));
  EXPECT_TRUE(absl::StrContains(shown.substr(shown.find("pulse")), "–"));
}

TEST(BacktestViewTest, FitsEightyColumns) {
  const Page page = RenderBacktest({}, Answer(), 80);
  for (const Text& line : page) EXPECT_LE(line.width(), 80) << line.Render(false);
}

}  // namespace
}  // namespace perennial::cli
