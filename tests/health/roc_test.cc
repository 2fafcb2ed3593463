#include "health-svc/rules/roc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "health-svc/rules/intervals.h"

namespace perennial::health {
namespace {

struct Case {
  double score;
  bool positive;
};

std::vector<TiedCases> Tied(const std::vector<Case>& cases) {
  std::map<double, TiedCases> by_score;
  for (const Case& one : cases) {
    TiedCases& tied = by_score[one.score];
    tied.score = one.score;
    ++(one.positive ? tied.positives : tied.negatives);
  }
  std::vector<TiedCases> out;
  for (const auto& [score, tied] : by_score) out.push_back(tied);
  return out;
}

// By the definition: over all pairs of a positive and a negative.
double AreaByPairs(const std::vector<Case>& cases) {
  double sum = 0;
  double pairs = 0;
  for (const Case& positive : cases) {
    for (const Case& negative : cases) {
      if (!positive.positive || negative.positive) continue;
      sum += positive.score < negative.score ? 1 : positive.score == negative.score ? 0.5 : 0;
      ++pairs;
    }
  }
  return sum / pairs;
}

std::vector<Case> RandomCases(std::mt19937& random, int count, int steps) {
  std::vector<Case> out;
  for (int i = 0; i < count; ++i) {
    const bool positive = random() % 4 == 0;
    const int score = static_cast<int>(random() % static_cast<unsigned>(steps)) + (positive ? 0 : steps / 4);
    out.push_back({static_cast<double>(score), positive});
  }
  // Both kinds are there, twice.
  for (int i = 0; i < 4; ++i) out.push_back({static_cast<double>(i), i % 2 == 0});
  return out;
}

// Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982), table 1: ratings 1 to 5
// of 58 normal and 51 abnormal images. They give an area of 0.893. The variance was computed in exact fractions from
// the definition of DeLong, DeLong and Clarke-Pearson (1988): 17089 / 18102960.
TEST(RocTest, AgreesWithAPublishedExample) {
  const int normal[] = {33, 6, 6, 11, 2};
  const int abnormal[] = {3, 2, 2, 11, 33};
  std::vector<TiedCases> cases;
  for (int rating = 5; rating >= 1; --rating) {
    cases.push_back({-1.0 * rating, abnormal[rating - 1], normal[rating - 1]});
  }
  const auto roc = LowScoreRocArea(cases);
  ASSERT_TRUE(roc.has_value());
  EXPECT_NEAR(roc->area, 1321.0 / 1479, 1e-15);
  EXPECT_NEAR(roc->area, 0.893, 0.0005);
  EXPECT_NEAR(roc->variance, 17089.0 / 18102960, 1e-15);
}

// In exact fractions by hand: 31/40 and 73/2400.
TEST(RocTest, AgreesWithASmallExampleWithTies) {
  const auto roc = LowScoreRocArea(
      Tied({{1, true}, {2, true}, {3, true}, {5, true}, {2, false}, {4, false}, {4, false}, {6, false}, {7, false}}));
  ASSERT_TRUE(roc.has_value());
  EXPECT_NEAR(roc->area, 0.775, 1e-15);
  EXPECT_NEAR(roc->variance, 73.0 / 2400, 1e-15);
}

TEST(RocTest, IsOneWhenAllPositivesLieBelowAndHalfWhenAllAreTied) {
  EXPECT_EQ(LowScoreRocArea(Tied({{1, true}, {2, true}, {3, false}, {4, false}}))->area, 1);
  EXPECT_EQ(LowScoreRocArea(Tied({{1, true}, {1, true}, {1, false}, {1, false}}))->area, 0.5);
  EXPECT_EQ(LowScoreRocArea(Tied({{3, true}, {4, true}, {1, false}, {2, false}}))->area, 0);
}

TEST(RocTest, SaysNothingWithoutTwoOfEachKind) {
  EXPECT_FALSE(LowScoreRocArea({}).has_value());
  EXPECT_FALSE(LowScoreRocArea(Tied({{1, true}, {2, false}, {3, false}})).has_value());
  EXPECT_FALSE(LowScoreRocArea(Tied({{1, true}, {2, true}, {3, false}})).has_value());
}

TEST(RocTest, IsTheShareOfPairsWhateverTheTies) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const auto cases = RandomCases(random, 80, round % 3 == 0 ? 5 : round % 3 == 1 ? 40 : 1000);
    ASSERT_NEAR(LowScoreRocArea(Tied(cases))->area, AreaByPairs(cases), 1e-12) << round;
  }
}

// Leaving each case out in turn estimates the same variance (Arvesen's jackknife of two samples).
TEST(RocTest, VarianceIsCloseToThatOfTheJackknife) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    const auto cases = RandomCases(random, 200, 300);
    double jackknife = 0;
    for (const bool kind : {true, false}) {
      std::vector<double> areas;
      for (std::size_t left_out = 0; left_out < cases.size(); ++left_out) {
        if (cases[left_out].positive != kind) continue;
        auto rest = cases;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(left_out));
        areas.push_back(AreaByPairs(rest));
      }
      const auto n = static_cast<double>(areas.size());
      double mean = 0;
      for (const double area : areas) mean += area / n;
      for (const double area : areas) jackknife += (area - mean) * (area - mean) * (n - 1) / n;
    }
    const double variance = LowScoreRocArea(Tied(cases))->variance;
    ASSERT_NEAR(variance / jackknife, 1, 0.05) << round;
  }
}

TEST(ScoreCountsTest, TellsScoresApartToAThousandthOfAPoint) {
  ScoreCounts counts;
  counts.Add(50.0001, true);
  counts.Add(50, false);
  counts.Add(50.001, false);
  counts.Add(100, false);
  counts.Add(0, true);
  const auto cases = counts.Cases();
  ASSERT_EQ(cases.size(), 4U);
  EXPECT_EQ(cases[1].score, 50);
  EXPECT_EQ(cases[1].positives, 1);
  EXPECT_EQ(cases[1].negatives, 1);
  EXPECT_EQ(counts.total(), 5);
  EXPECT_EQ(counts.positives(), 2);
}

// Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I,
// method 3.
TEST(IntervalsTest, WilsonAgreesWithNewcombe) {
  const struct {
    std::int64_t hits, trials;
    double low, high;
  } published[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (const auto& one : published) {
    const Interval interval = WilsonInterval(one.hits, one.trials, 0.95);
    EXPECT_NEAR(interval.low, one.low, 0.00005) << one.hits;
    EXPECT_NEAR(interval.high, one.high, 0.00005) << one.hits;
  }
}

TEST(IntervalsTest, WilsonHoldsTheShareAndStaysWithinZeroAndOne) {
  for (std::int64_t trials = 1; trials <= 60; ++trials) {
    for (std::int64_t hits = 0; hits <= trials; ++hits) {
      const Interval interval = WilsonInterval(hits, trials, 0.95);
      ASSERT_LE(0, interval.low);
      ASSERT_LE(interval.low, interval.value);
      ASSERT_LE(interval.value, interval.high);
      ASSERT_LE(interval.high, 1);
      // Mirrored: what did not happen has the mirrored interval.
      const Interval other = WilsonInterval(trials - hits, trials, 0.95);
      ASSERT_NEAR(other.low, 1 - interval.high, 1e-12);
    }
  }
}

TEST(IntervalsTest, KnowsTheUsualQuantiles) {
  EXPECT_NEAR(NormalQuantile(0.95), 1.959963984540054, 1e-12);
  EXPECT_NEAR(NormalQuantile(0.99), 2.5758293035489004, 1e-12);
  const Interval cut = NormalShareInterval(0.775, 73.0 / 2400, 0.95);
  EXPECT_NEAR(cut.low, 0.4331749388023464, 1e-12);
  EXPECT_EQ(cut.high, 1);
}

}  // namespace
}  // namespace perennial::health
