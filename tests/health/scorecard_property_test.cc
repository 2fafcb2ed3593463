#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "common/facts/fact_table.h"
#include "health-svc/rules/explanation.h"
#include "health-svc/rules/scorecard.h"
#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

constexpr int kFacts = 12;  // numbers f0 to f11; f11 tells the age of f0
constexpr int kTexts = 3;   // strings t0 to t2, after them
constexpr int kMostDays = 60;

// What a set is made of.
struct Kind {
  bool monotone = false;  // rising curves, the same for all, without matches
  bool only_redistribute = false;
  bool exceptions = true;
};

// Scorecards and accounts at random, the same for the same seed.
class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}
  double Number(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  int Int(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool Coin(double probability) { return Number(0, 1) < probability; }

  void FillMatch(v1::MatchCurve* match) {
    for (const char* value : {"a", "b"}) {
      v1::MatchCase* one = match->add_cases();
      one->set_value(value);
      one->set_score(Number(0, 100));
    }
    if (Coin(0.5)) match->set_default_score(Number(0, 100));
  }

  void FillCurve(bool monotone, v1::Curve* curve) {
    const int points = Int(2, 6);
    double value = Number(-50, 0);
    double score = Number(0, 30);
    const int kind = Int(0, monotone ? 1 : 2);
    for (int i = 0; i < points; ++i) {
      v1::CurvePoint* point = kind == 0   ? curve->mutable_tiers()->add_tiers()
                              : kind == 1 ? curve->mutable_linear()->add_points()
                                          : curve->mutable_linear_bounded()->add_points();
      point->set_value(value);
      point->set_score(score);
      value += Number(0.5, 60);
      score = monotone ? std::min(100.0, score + Number(0, 30)) : Number(0, 100);
    }
  }

  v1::ScorecardSet Set(const Kind& kind) {
    v1::ScorecardSet set;
    v1::Scorecard* card = set.add_scorecards();
    card->set_id("card");
    card->set_revision(1);
    const int groups = Int(1, 4);
    for (int g = 0; g < groups; ++g) AddGroup(card, g);
    const int measures = Int(groups, kFacts);
    for (int m = 0; m < measures; ++m) AddMeasure(card, kind, m, m < groups ? m : Int(0, groups - 1));
    for (int e = 0; kind.exceptions && e < Int(0, 3); ++e) {
      v1::ScoreException* exception = card->add_exceptions();
      exception->set_id(absl::StrCat("e", e));
      exception->set_filter(absl::StrCat("f", e, " > ", Int(0, 50)));
      if (Coin(0.5)) {
        exception->set_cap(Number(0, 100));
      } else {
        exception->set_floor(Number(0, 100));
      }
    }
    card->add_bands()->set_id("red");
    return set;
  }

  facts::FactRow Row(double known) {
    facts::FactRow row;
    for (facts::FactId fact = 0; fact < kFacts; ++fact) {
      if (Coin(known)) row.SetNumber(fact, Number(-100, 200));
    }
    for (facts::FactId fact = kFacts; fact < kFacts + kTexts; ++fact) {
      if (Coin(known)) row.SetText(fact, std::string(1, static_cast<char>('a' + Int(0, 3))));
    }
    return row;
  }

  // Last known values of some of what the scorecards carry, also such that are too old.
  CarriedFacts Carried(const Scorecards& scorecards) {
    CarriedFacts carried;
    for (const CarrySpec& spec : scorecards.CarrySpecs()) {
      if (Coin(0.3)) continue;
      CarriedFact fact{.name = spec.name, .max_age_days = spec.max_age_days};
      if (Coin(0.8)) {
        fact.value = spec.type == facts::FactType::kString ? facts::FactValue(std::string("b"))
                                                           : facts::FactValue(Number(-100, 200));
        fact.day = DayOf(AnyTime().now) - Int(1, kMostDays + 10);
      }
      carried.push_back(std::move(fact));
    }
    return carried;
  }

 private:
  void AddMeasure(v1::Scorecard* card, const Kind& kind, int number, int group) {
    v1::Measure* measure = card->add_measures();
    measure->set_id(absl::StrCat("m", number));
    measure->set_group(absl::StrCat("g", group));
    measure->set_weight(Number(0.001, 100));
    measure->set_missing(kind.only_redistribute ? v1::MISSING_POLICY_REDISTRIBUTE
                                                : static_cast<v1::MissingPolicy>(Int(1, 4)));
    if (measure->missing() == v1::MISSING_POLICY_CARRY) measure->set_carry_days(Int(1, kMostDays));
    if (!kind.monotone && Coin(0.25)) {
      measure->set_fact(absl::StrCat("t", Int(0, kTexts - 1)));
      FillMatch(measure->mutable_curve()->mutable_match());
      return;
    }
    measure->set_fact(absl::StrCat("f", number));
    if (!kind.monotone && number == 0 && Coin(0.5)) measure->set_max_age_days(Number(1, 150));
    FillCurve(kind.monotone, measure->mutable_curve());
    for (int v = 0; !kind.monotone && v < Int(0, 2); ++v) {
      v1::CurveVariant* variant = measure->add_variants();
      variant->set_filter(absl::StrCat("f", Int(0, kFacts - 1), " > ", Int(0, 100)));
      FillCurve(false, variant->mutable_curve());
    }
  }
  void AddGroup(v1::Scorecard* card, int number) {
    v1::MeasureGroup* group = card->add_groups();
    group->set_id(absl::StrCat("g", number));
    group->set_weight(Number(0.001, 100));
  }
  std::mt19937 random_;
};

facts::FactCatalogue Catalogue() {
  facts::FactCatalogue catalogue;
  for (int i = 0; i < kFacts; ++i) {
    EXPECT_TRUE(catalogue
                    .Add({.name = absl::StrCat("f", i),
                          .type = facts::FactType::kNumber,
                          .age_fact = i == 0 ? absl::StrCat("f", kFacts - 1) : ""})
                    .ok());
  }
  for (int i = 0; i < kTexts; ++i) {
    EXPECT_TRUE(catalogue.Add({.name = absl::StrCat("t", i), .type = facts::FactType::kString}).ok());
  }
  return catalogue;
}

class ScorecardPropertyTest : public ::testing::TestWithParam<unsigned> {
 protected:
  const facts::FactCatalogue catalogue_ = Catalogue();
  Chance chance_{GetParam()};
};

TEST_P(ScorecardPropertyTest, ContributionsAddUpToTheComputedScore) {
  int known = 0;
  int carried_measures = 0;
  for (int round = 0; round < 200; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set({}), catalogue_);
    const facts::FactRow row = chance_.Row(chance_.Number(0, 1));
    const CarriedFacts carried = chance_.Carried(scorecards);
    const Evaluation evaluation = scorecards.Evaluate(row, AnyTime(), &carried);
    const v1::HealthScoreExplanation explanation = Explain(evaluation, row, catalogue_);
    double contributions = 0;
    double weights = 0;
    for (const v1::MeasureExplanation& measure : explanation.measures()) {
      contributions += measure.contribution();
      weights += measure.effective_weight();
      carried_measures += measure.state() == v1::MEASURE_STATE_CARRIED ? 1 : 0;
    }
    ASSERT_EQ(explanation.has_computed_score(), evaluation.score.has_value());
    if (!explanation.has_computed_score()) continue;
    ++known;
    ASSERT_NEAR(contributions, explanation.computed_score(), 1e-9);
    ASSERT_NEAR(weights, 1, 1e-9);
    const double before =
        explanation.exceptions().empty() ? *evaluation.score : explanation.exceptions(0).score_before();
    ASSERT_NEAR(before, explanation.computed_score(), 1e-9);
  }
  EXPECT_GT(known, 100);
  EXPECT_GT(carried_measures, 10);
}

TEST_P(ScorecardPropertyTest, ScoresAndCoverageStayWithinTheirRanges) {
  for (int round = 0; round < 200; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set({}), catalogue_);
    const CarriedFacts carried = chance_.Carried(scorecards);
    const Evaluation evaluation = scorecards.Evaluate(chance_.Row(chance_.Number(0, 1)), AnyTime(), &carried);
    ASSERT_GE(evaluation.coverage, 0);
    ASSERT_LE(evaluation.coverage, 1);
    const bool any_known = std::any_of(evaluation.outcomes.begin(), evaluation.outcomes.end(),
                                       [](const auto& outcome) { return outcome.state == v1::MEASURE_STATE_KNOWN; });
    ASSERT_EQ(evaluation.score.has_value(), any_known);
    if (!any_known) continue;
    ASSERT_GE(*evaluation.score, 0);
    ASSERT_LE(*evaluation.score, 100);
  }
}

TEST_P(ScorecardPropertyTest, RedistributionStaysWithinTheKnownMeasures) {
  for (int round = 0; round < 200; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set({.only_redistribute = true, .exceptions = false}), catalogue_);
    const Evaluation evaluation = scorecards.Evaluate(chance_.Row(0.5), AnyTime());
    if (!evaluation.score.has_value()) continue;
    double lowest = 100;
    double highest = 0;
    for (const auto& outcome : evaluation.outcomes) {
      if (!outcome.points.has_value()) continue;
      lowest = std::min(lowest, *outcome.points);
      highest = std::max(highest, *outcome.points);
    }
    ASSERT_GE(*evaluation.score, lowest - 1e-9);
    ASSERT_LE(*evaluation.score, highest + 1e-9);
  }
}

TEST_P(ScorecardPropertyTest, ABetterFactNeverLowersAScoreOfRisingCurves) {
  for (int round = 0; round < 200; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set({.monotone = true, .exceptions = false}), catalogue_);
    facts::FactRow row = chance_.Row(0.8);
    const auto fact = static_cast<facts::FactId>(chance_.Int(0, kFacts - 1));
    row.SetNumber(fact, chance_.Number(-100, 100));
    const CarriedFacts carried = chance_.Carried(scorecards);
    const Evaluation before = scorecards.Evaluate(row, AnyTime(), &carried);
    row.SetNumber(fact, *row.Number(fact) + chance_.Number(0, 100));
    const Evaluation after = scorecards.Evaluate(row, AnyTime(), &carried);
    ASSERT_EQ(before.score.has_value(), after.score.has_value());
    if (!before.score.has_value()) continue;
    ASSERT_GE(*after.score, *before.score - 1e-9);
  }
}

// What is known and fresh, or fails to be, and what is carried for how long: by the definitions alone.
TEST_P(ScorecardPropertyTest, StatesFollowFromFactsAndDays) {
  for (int round = 0; round < 200; ++round) {
    const v1::ScorecardSet set = chance_.Set({});
    const Scorecards scorecards = Compiled(set, catalogue_);
    const facts::FactRow row = chance_.Row(0.5);
    const CarriedFacts carried = chance_.Carried(scorecards);
    const Evaluation evaluation = scorecards.Evaluate(row, AnyTime(), &carried);
    for (int m = 0; m < set.scorecards(0).measures_size(); ++m) {
      const v1::Measure& measure = set.scorecards(0).measures(m);
      const MeasureOutcome& outcome = evaluation.outcomes[static_cast<std::size_t>(m)];
      const facts::FactId fact = *catalogue_.Find(measure.fact());
      const bool has_value = row.Find(fact) != nullptr;
      const auto age = row.Number(kFacts - 1);
      const bool fresh = measure.max_age_days() == 0 || (age.has_value() && *age <= measure.max_age_days());
      if (outcome.state == v1::MEASURE_STATE_KNOWN) {
        ASSERT_TRUE(has_value && fresh);
      }
      if (outcome.state == v1::MEASURE_STATE_STALE) {
        ASSERT_TRUE(has_value && !fresh);
      }
      ASSERT_EQ(outcome.points.has_value(),
                outcome.state == v1::MEASURE_STATE_KNOWN || outcome.state == v1::MEASURE_STATE_CARRIED);
      if (outcome.state != v1::MEASURE_STATE_CARRIED) continue;
      ASSERT_EQ(measure.missing(), v1::MISSING_POLICY_CARRY);
      ASSERT_FALSE(has_value && fresh);
      const CarriedFact* last = FindCarried(&carried, measure.fact(), measure.max_age_days());
      ASSERT_NE(last, nullptr);
      ASSERT_EQ(outcome.carried_day, last->day);
      ASSERT_LE(DayOf(AnyTime().now) - last->day, measure.carry_days());
    }
  }
}

// Facts that come one after another, in any order and over older ones, score as all of them at once.
TEST_P(ScorecardPropertyTest, IncrementalEqualsFull) {
  for (int round = 0; round < 50; ++round) {
    const Scorecards scorecards = Compiled(chance_.Set({}), catalogue_);
    const CarriedFacts carried = chance_.Carried(scorecards);
    std::vector<facts::FactId> all;
    for (facts::FactId fact = 0; fact < kFacts + kTexts; ++fact) all.push_back(fact);
    facts::FactTable table;
    facts::FactRow last;
    const facts::RowId row = table.Upsert("a");
    for (int step = 0; step < 10; ++step) {
      last = chance_.Row(chance_.Number(0, 1));
      (void)table.Replace(row, last, catalogue_, all);
      const Evaluation incremental = scorecards.Evaluate(facts::TableRow(table, row), AnyTime(), &carried);
      const Evaluation full = scorecards.Evaluate(last, AnyTime(), &carried);
      ASSERT_EQ(incremental.score, full.score);
      ASSERT_EQ(incremental.coverage, full.coverage);
      ASSERT_EQ(incremental.weights, full.weights);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ScorecardPropertyTest, ::testing::Values(1, 2, 3, 4, 5));

}  // namespace
}  // namespace perennial::health
