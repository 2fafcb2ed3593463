#include "health-svc/rules/change_explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

double SumOf(const std::vector<v1::ScoreChangePart>& parts) {
  double sum = 0;
  for (const v1::ScoreChangePart& part : parts) sum += part.points();
  return sum;
}

std::string FactName(int i) { return absl::StrCat("f", i); }

class ChangeExplanationTest : public ::testing::Test {
 protected:
  std::vector<v1::ScoreChangePart> Explain(const Scorecards& before_card, const FactMap& before,
                                           const Scorecards& after_card, const FactMap& after) {
    const facts::FactRow old_row = facts_.Row(before);
    const facts::FactRow row = facts_.Row(after);
    const Evaluation old_evaluation = before_card.Evaluate(old_row, AnyTime());
    const Evaluation evaluation = after_card.Evaluate(row, AnyTime());
    const Evaluation middle = after_card.all()[0]->Evaluate(old_row, AnyTime());
    difference_ = evaluation.score.value_or(0) - old_evaluation.score.value_or(0);
    return ExplainChange({old_evaluation, old_row, old_evaluation.score}, {evaluation, row, evaluation.score}, middle,
                         facts_.catalogue());
  }
  RuleFacts facts_;
  double difference_ = 0;
};

TEST_F(ChangeExplanationTest, SaysInWordsWhichMeasureMovedTheScoreLargestFirst) {
  (void)facts_.Row({{"logins", 1.0}, {"nps", 1.0}});
  const Scorecards card = Compiled(
      CardOf(Group("g", 1) + Plain("logins", "g", 3, "REDISTRIBUTE", "display_name: 'Logins'") + Plain("nps", "g", 1)),
      facts_.catalogue());
  const auto parts = Explain(card, {{"logins", 90.0}, {"nps", 50.0}}, card, {{"logins", 50.0}, {"nps", 60.0}});
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].kind(), v1::SCORE_CHANGE_KIND_DATA);
  EXPECT_EQ(parts[0].reason(), "Logins fell from 90 to 50: −30.0");
  EXPECT_EQ(parts[1].reason(), "nps rose from 50 to 60: +2.5");
  EXPECT_NEAR(SumOf(parts), difference_, 1e-9);
}

TEST_F(ChangeExplanationTest, TellsWhatAppearedAndVanishedApartFromWhatChanged) {
  (void)facts_.Row({{"a", 1.0}, {"b", 1.0}, {"c", 1.0}});
  const Scorecards card = Compiled(CardOf(Group("g", 1) + Plain("a", "g", 1) + Plain("b", "g", 1) + Plain("c", "g", 2)),
                                   facts_.catalogue());
  const auto parts = Explain(card, {{"a", 90.0}, {"b", 40.0}}, card, {{"a", 70.0}, {"c", 10.0}});
  ASSERT_EQ(parts.size(), 3U);
  for (const v1::ScoreChangePart& part : parts) {
    EXPECT_EQ(part.kind(), part.measure() == "a" ? v1::SCORE_CHANGE_KIND_DATA : v1::SCORE_CHANGE_KIND_MISSING)
        << part.reason();
  }
  EXPECT_NEAR(SumOf(parts), difference_, 1e-9);
}

TEST_F(ChangeExplanationTest, TellsAnotherScorecardApart) {
  (void)facts_.Row({{"a", 1.0}, {"b", 1.0}});
  const Scorecards old_card = Compiled(CardOf(Group("g", 1) + Plain("a", "g", 1)), facts_.catalogue());
  v1::ScorecardSet set = CardOf(Group("g", 1) + Plain("a", "g", 1) + Plain("b", "g", 1));
  set.mutable_scorecards(0)->set_revision(2);
  const Scorecards card = Compiled(set, facts_.catalogue());
  const auto parts = Explain(old_card, {{"a", 80.0}, {"b", 20.0}}, card, {{"a", 60.0}, {"b", 20.0}});
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].kind(), v1::SCORE_CHANGE_KIND_CONFIGURATION);
  EXPECT_EQ(parts[0].reason(), "scorecard card went from revision 1 to 2: −30.0");
  EXPECT_EQ(parts[1].kind(), v1::SCORE_CHANGE_KIND_DATA);
  EXPECT_NEAR(SumOf(parts), difference_, 1e-9);
}

TEST_F(ChangeExplanationTest, TellsExceptionsApart) {
  (void)facts_.Row({{"a", 1.0}, {"urgent", 1.0}});
  const Scorecards card =
      Compiled(CardOf(Group("g", 1) + Plain("a", "g", 1) +
                      "exceptions { id: 'urgent' filter: 'urgent > 0' cap: 40 reason: 'open urgent ticket' }"),
               facts_.catalogue());
  const auto parts = Explain(card, {{"a", 80.0}, {"urgent", 0.0}}, card, {{"a", 90.0}, {"urgent", 1.0}});
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].kind(), v1::SCORE_CHANGE_KIND_EXCEPTION);
  EXPECT_EQ(parts[0].exception(), "urgent");
  EXPECT_EQ(parts[0].reason(), "open urgent ticket: −50.0");
  EXPECT_NEAR(SumOf(parts), difference_, 1e-9);
}

TEST_F(ChangeExplanationTest, TellsAnOverrideApart) {
  (void)facts_.Row({{"a", 1.0}});
  const Scorecards card = Compiled(CardOf(Group("g", 1) + Plain("a", "g", 1)), facts_.catalogue());
  const facts::FactRow before = facts_.Row({{"a", 80.0}});
  const facts::FactRow after = facts_.Row({{"a", 70.0}});
  const Evaluation old_evaluation = card.Evaluate(before, AnyTime());
  const Evaluation evaluation = card.Evaluate(after, AnyTime());
  const auto parts =
      ExplainChange({old_evaluation, before, 80.0}, {evaluation, after, 20.0}, old_evaluation, facts_.catalogue());
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].kind(), v1::SCORE_CHANGE_KIND_OVERRIDE);
  EXPECT_EQ(parts[0].points(), -50);
  EXPECT_NEAR(SumOf(parts), -60, 1e-9);
  const auto of_unknown = ExplainChange({card.Evaluate(facts_.Row({}), AnyTime()), before, 30.0},
                                        {evaluation, after, 70.0}, old_evaluation, facts_.catalogue());
  EXPECT_NEAR(SumOf(of_unknown), 40, 1e-9);
}

TEST_F(ChangeExplanationTest, SaysNothingOfUnknownScores) {
  (void)facts_.Row({{"a", 1.0}});
  const Scorecards card = Compiled(CardOf(Group("g", 1) + Plain("a", "g", 1)), facts_.catalogue());
  EXPECT_TRUE(Explain(card, {}, card, {{"a", 3.0}}).empty());
  EXPECT_TRUE(Explain(card, {{"a", 3.0}}, card, {{"a", 3.0}}).empty());
}

// Random scorecards, facts and overrides: the parts add up.
TEST_F(ChangeExplanationTest, PartsAlwaysAddUpToTheDifference) {
  std::mt19937 random(7);
  const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
  const auto number = [&] { return static_cast<double>(random() % 10001) / 100; };
  FactMap all;
  for (int i = 0; i < 6; ++i) all[FactName(i)] = 1.0;
  (void)facts_.Row(all);
  const auto random_card = [&](int revision) {
    const char* policies[] = {"REDISTRIBUTE", "NEUTRAL", "ZERO"};
    std::string text = Group("g", 1 + number()) + Group("h", 1 + number());
    for (int i = 0; i < 6; ++i) {
      text += Plain(FactName(i), i % 2 == 0 ? "g" : "h", 1 + number(), policies[random() % 3]);
    }
    text += "exceptions { id: 'x' filter: 'f0 > 50' cap: 40 } exceptions { id: 'y' filter: 'f1 > 70' floor: 30 }";
    v1::ScorecardSet set = CardOf(text);
    set.mutable_scorecards(0)->set_revision(revision);
    return Compiled(set, facts_.catalogue());
  };
  int explained = 0;
  for (int round = 0; round < 2000; ++round) {
    const Scorecards old_card = random_card(1);
    const Scorecards card = random_card(2);
    const Scorecards& before_card = chance(50) ? card : old_card;
    FactMap before;
    FactMap after;
    for (int i = 0; i < 6; ++i) {
      if (chance(70)) before[FactName(i)] = number();
      if (chance(70)) after[FactName(i)] = number();
    }
    const facts::FactRow old_row = facts_.Row(before);
    const facts::FactRow row = facts_.Row(after);
    const Evaluation old_evaluation = before_card.Evaluate(old_row, AnyTime());
    const Evaluation evaluation = card.Evaluate(row, AnyTime());
    const Evaluation middle = card.all()[0]->Evaluate(old_row, AnyTime());
    const std::optional<double> shown_before = chance(20) ? std::optional<double>(number()) : old_evaluation.score;
    const std::optional<double> shown_after = chance(20) ? std::optional<double>(number()) : evaluation.score;
    const auto parts = ExplainChange({old_evaluation, old_row, shown_before}, {evaluation, row, shown_after}, middle,
                                     facts_.catalogue());
    if (!shown_before.has_value() || !shown_after.has_value()) {
      EXPECT_TRUE(parts.empty());
      continue;
    }
    ++explained;
    EXPECT_NEAR(SumOf(parts), *shown_after - *shown_before, 1e-9) << "round " << round;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      EXPECT_GE(std::abs(parts[i - 1].points()), std::abs(parts[i].points()));
    }
  }
  EXPECT_GT(explained, 1500);
}

}  // namespace
}  // namespace perennial::health
