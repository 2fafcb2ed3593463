#include "health-svc/rules/curve.h"

#include <gtest/gtest.h>

#include "health-svc/rules/text_config.h"

namespace perennial::health {
namespace {

Curve CurveOf(const std::string& text) {
  BadRequest faults;
  const auto curve = ParseTextConfig<v1::Curve>(text);
  EXPECT_TRUE(curve.ok()) << curve.status();
  Curve out = Curve::Compile(*curve, "curve", faults);
  EXPECT_TRUE(faults.empty()) << faults.ToStatus();
  return out;
}

TEST(CurveTest, TiersGiveTheScoreOfTheLastTierNotAboveTheValue) {
  const Curve curve =
      CurveOf("tiers { tiers { value: 0 score: 10 } tiers { value: 5 score: 60 } tiers { value: 10 score: 90 } }");
  EXPECT_EQ(curve.OfNumber(-3), 10);
  EXPECT_EQ(curve.OfNumber(0), 10);
  EXPECT_EQ(curve.OfNumber(4.999), 10);
  EXPECT_EQ(curve.OfNumber(5), 60);
  EXPECT_EQ(curve.OfNumber(9), 60);
  EXPECT_EQ(curve.OfNumber(1000), 90);
}

TEST(CurveTest, LinearInterpolatesAndClamps) {
  const Curve curve =
      CurveOf("linear { points { value: 0 score: 0 } points { value: 10 score: 100 } points { value: 20 score: 50 } }");
  EXPECT_EQ(curve.OfNumber(-1), 0);
  EXPECT_DOUBLE_EQ(*curve.OfNumber(2.5), 25);
  EXPECT_EQ(curve.OfNumber(10), 100);
  EXPECT_DOUBLE_EQ(*curve.OfNumber(15), 75);
  EXPECT_EQ(curve.OfNumber(20), 50);
  EXPECT_EQ(curve.OfNumber(21), 50);
}

TEST(CurveTest, LinearBoundedIsUnknownOutsideItsPoints) {
  const Curve curve = CurveOf("linear_bounded { points { value: 0 score: 0 } points { value: 10 score: 100 } }");
  EXPECT_EQ(curve.OfNumber(-0.001), std::nullopt);
  EXPECT_EQ(curve.OfNumber(0), 0);
  EXPECT_EQ(curve.OfNumber(10), 100);
  EXPECT_EQ(curve.OfNumber(10.001), std::nullopt);
}

TEST(CurveTest, MatchIsUnknownForOtherValuesWithoutADefault) {
  const Curve curve = CurveOf("match { cases { value: 'gold' score: 90 } cases { value: '3' score: 30 } }");
  EXPECT_EQ(curve.OfText("gold"), 90);
  EXPECT_EQ(curve.OfText("Gold"), std::nullopt);
  EXPECT_EQ(curve.OfNumber(3), 30);
  EXPECT_EQ(curve.OfNumber(4), std::nullopt);
}

TEST(CurveTest, MatchGivesItsDefaultForOtherValues) {
  const Curve curve = CurveOf("match { cases { value: 'true' score: 0 } default_score: 100 }");
  facts::FactRow row;
  row.SetNumber(0, 1);
  row.SetNumber(1, 0);
  EXPECT_EQ(curve.Points(row, 0, facts::FactType::kBool), 0);
  EXPECT_EQ(curve.Points(row, 1, facts::FactType::kBool), 100);
}

TEST(CurveTest, AnUnknownFactHasNoPointsEvenWithADefault) {
  const Curve curve = CurveOf("match { cases { value: 'true' score: 0 } default_score: 100 }");
  EXPECT_EQ(curve.Points(facts::FactRow(), 0, facts::FactType::kBool), std::nullopt);
  EXPECT_EQ(curve.Points(facts::FactRow(), 0, facts::FactType::kString), std::nullopt);
}

TEST(CurveTest, OnlyMatchReadsStringsAndBools) {
  const Curve match = CurveOf("match { cases { value: 'a' score: 0 } }");
  const Curve tiers = CurveOf("tiers { tiers { value: 0 score: 10 } }");
  EXPECT_TRUE(match.Reads(facts::FactType::kString));
  EXPECT_TRUE(match.Reads(facts::FactType::kBool));
  EXPECT_FALSE(tiers.Reads(facts::FactType::kString));
  EXPECT_FALSE(tiers.Reads(facts::FactType::kBool));
  EXPECT_TRUE(tiers.Reads(facts::FactType::kNumber));
  EXPECT_FALSE(match.Reads(facts::FactType::kTime));
  EXPECT_FALSE(match.Reads(facts::FactType::kStringSet));
}

}  // namespace
}  // namespace perennial::health
