// Scoring by columns gives what scoring one account gives, to the bit, for scorecards and facts at random.
#include "health-svc/rules/column_scoring.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

constexpr int kNumbers = 10;  // facts n0...; n0 to n2 have ages a0 to a2
constexpr facts::RowId kRows = 3000;
const absl::Time kNow = absl::FromUnixSeconds(1735603199);

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}
  double Number(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  int Int(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool Coin(double probability) { return Number(0, 1) < probability; }

 private:
  std::mt19937 random_;
};

class ColumnScoringTest : public ::testing::TestWithParam<unsigned> {
 protected:
  ColumnScoringTest() {
    for (int i = 0; i < 3; ++i) Add(absl::StrCat("a", i), facts::FactType::kNumber);
    for (int i = 0; i < kNumbers; ++i) {
      Add(absl::StrCat("n", i), facts::FactType::kNumber, i < 3 ? absl::StrCat("a", i) : "");
    }
    Add("text", facts::FactType::kString);
    Add("flag", facts::FactType::kBool);
    Add("since", facts::FactType::kTime);
    FillTable();
  }

  facts::FactId Add(const std::string& name, facts::FactType type, const std::string& age = "") {
    const auto id = catalogue_.Add({.name = name, .type = type, .age_fact = age});
    EXPECT_TRUE(id.ok()) << id.status();
    return *id;
  }

  void FillTable() {
    const double known = chance_.Number(0.2, 1);
    for (facts::RowId row = 0; row < kRows; ++row) {
      ASSERT_EQ(table_.Upsert(absl::StrCat("account", row)), row);
      for (facts::FactId fact = 0; fact < catalogue_.size(); ++fact) {
        if (!chance_.Coin(known)) continue;
        switch (catalogue_.Get(fact).type) {
          case facts::FactType::kString: table_.SetText(row, fact, Text()); break;
          case facts::FactType::kBool: table_.SetNumber(row, fact, facts::FactType::kBool, chance_.Int(0, 1)); break;
          case facts::FactType::kTime:
            table_.SetNumber(row, fact, facts::FactType::kTime,
                             absl::ToDoubleSeconds(kNow - absl::UnixEpoch()) - chance_.Number(0, 100) * 86400);
            break;
          default:
            // Some whole numbers, which meet the points of curves exactly.
            table_.SetNumber(row, fact, facts::FactType::kNumber,
                             chance_.Coin(0.3) ? chance_.Int(-60, 120) : chance_.Number(-100, 200));
        }
      }
      as_of_.push_back(kNow - absl::Hours(chance_.Int(0, 200)));
      carried_.push_back(Carried());
    }
    for (int i = 0; i < 50; ++i) table_.Delete(static_cast<facts::RowId>(chance_.Int(0, kRows - 1)));
  }

  std::string Text() { return absl::StrCat("t", chance_.Int(0, 6)); }

  std::optional<CarriedFacts> Carried() {
    if (chance_.Coin(0.3)) return std::nullopt;
    CarriedFacts out;
    for (int i = 0; i < kNumbers; ++i) {
      if (!chance_.Coin(0.5)) continue;
      out.push_back(
          {.name = absl::StrCat("n", i),
           .value = chance_.Coin(0.8) ? std::optional<facts::FactValue>(chance_.Number(-50, 150)) : std::nullopt,
           .day = 20086 - chance_.Int(0, 40)});
    }
    return out;
  }

  std::string Filter() {
    switch (chance_.Int(0, 4)) {
      case 0: return absl::StrCat("n", chance_.Int(0, kNumbers - 1), " > ", chance_.Int(-50, 100));
      case 1: return absl::StrCat("text = ", Text(), " OR flag = true");
      case 2: return absl::StrCat("since < days_ago(", chance_.Int(1, 90), ")");
      case 3: return "NOT flag = true";
      default: return "never_heard_of > 1";
    }
  }

  void FillCurve(bool text, bool flag, v1::Curve* curve) {
    if (text || flag || chance_.Coin(0.1)) {
      const int cases = chance_.Int(1, 4);
      for (int i = 0; i < cases; ++i) {
        v1::MatchCase* one = curve->mutable_match()->add_cases();
        one->set_value(text ? absl::StrCat("t", i) : flag ? (i % 2 == 0 ? "true" : "false") : absl::StrCat(i * 10));
        one->set_score(chance_.Number(0, 100));
        if (flag && i == 1) break;
      }
      if (chance_.Coin(0.5)) curve->mutable_match()->set_default_score(chance_.Number(0, 100));
      return;
    }
    const int kind = chance_.Int(0, 2);
    double value = chance_.Int(-50, 0);
    for (int i = chance_.Int(2, 6); i > 0; --i) {
      v1::CurvePoint* point = kind == 0   ? curve->mutable_tiers()->add_tiers()
                              : kind == 1 ? curve->mutable_linear()->add_points()
                                          : curve->mutable_linear_bounded()->add_points();
      point->set_value(value);
      point->set_score(chance_.Number(0, 100));
      value += chance_.Coin(0.5) ? chance_.Int(1, 60) : chance_.Number(0.5, 60);
    }
  }

  void AddMeasure(int number, int groups, v1::Scorecard* card) {
    v1::Measure* measure = card->add_measures();
    measure->set_id(absl::StrCat("m", number));
    measure->set_group(absl::StrCat("g", number < groups ? number : chance_.Int(0, groups - 1)));
    measure->set_weight(chance_.Number(0.001, 100));
    const int fact = chance_.Int(0, kNumbers + 2);
    const bool text = fact == kNumbers;
    const bool flag = fact == kNumbers + 1;
    measure->set_fact(text ? "text" : flag ? "flag" : fact == kNumbers + 2 ? "usage.unheard" : absl::StrCat("n", fact));
    measure->set_missing(static_cast<v1::MissingPolicy>(chance_.Int(1, 4)));
    if (measure->missing() == v1::MISSING_POLICY_CARRY) measure->set_carry_days(chance_.Int(1, 40));
    if (fact < 3 && chance_.Coin(0.5)) measure->set_max_age_days(chance_.Number(1, 150));
    FillCurve(text, flag, measure->mutable_curve());
    for (int v = chance_.Int(-2, 2); v > 0; --v) {
      v1::CurveVariant* variant = measure->add_variants();
      variant->set_filter(Filter());
      FillCurve(text, flag, variant->mutable_curve());
    }
  }

  v1::ScorecardSet Cards() {
    v1::ScorecardSet set;
    const int cards = chance_.Int(1, 4);
    for (int c = 0; c < cards; ++c) {
      v1::Scorecard* card = set.add_scorecards();
      card->set_id(absl::StrCat("card", c));
      card->set_revision(1);
      card->set_priority(c);
      if (c + 1 < cards) card->set_applies_to(Filter());
      const int groups = chance_.Int(1, 4);
      for (int g = 0; g < groups; ++g) {
        v1::MeasureGroup* group = card->add_groups();
        group->set_id(absl::StrCat("g", g));
        group->set_weight(chance_.Number(0.001, 100));
      }
      for (int m = 0; m < groups + chance_.Int(0, 10); ++m) AddMeasure(m, groups, card);
      for (int e = chance_.Int(0, 3); e > 0; --e) AddException(e, card);
      card->add_bands()->set_id("red");
    }
    return set;
  }

  void AddException(int number, v1::Scorecard* card) {
    v1::ScoreException* exception = card->add_exceptions();
    exception->set_id(absl::StrCat("e", number));
    exception->set_filter(absl::StrCat("(", Filter(), ") OR n", number, " > 150"));  // each another
    switch (chance_.Int(0, 2)) {
      case 0: exception->set_cap(100); break;
      case 1: exception->set_floor(chance_.Number(0, 100)); break;
      default: exception->set_set(chance_.Number(0, 100));
    }
  }

  const CarriedFacts* CarriedOf(facts::RowId row) const {
    return carried_[row].has_value() ? &*carried_[row] : nullptr;
  }
  static bool Wanted(facts::RowId row) { return row % 7 != 3; }

  Chance chance_{GetParam()};
  facts::FactCatalogue catalogue_;
  facts::FactTable table_;
  std::vector<absl::Time> as_of_;
  std::vector<std::optional<CarriedFacts>> carried_;
};

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

// What a block says of one of its rows is what the row alone comes to.
void ExpectSame(const ScoredBlock& block, std::size_t i, const Evaluation& alone) {
  ASSERT_EQ(block.scorecard, alone.scorecard);
  ASSERT_EQ(std::isnan(block.scores[i]), !alone.score.has_value());
  if (alone.score.has_value()) {
    ASSERT_EQ(Bits(block.scores[i]), Bits(*alone.score)) << block.scores[i] << " and " << *alone.score;
  }
  ASSERT_EQ(Bits(block.coverage[i]), Bits(alone.coverage));
  for (std::size_t m = 0; m < alone.outcomes.size(); ++m) {
    ASSERT_EQ(block.valued[m][i] > 0, alone.outcomes[m].points.has_value()) << "measure " << m;
    if (alone.outcomes[m].points.has_value()) {
      ASSERT_EQ(Bits(block.points[m][i]), Bits(*alone.outcomes[m].points)) << "measure " << m;
    }
  }
}

TEST_P(ColumnScoringTest, GivesEachRowWhatItComesToAlone) {
  int known = 0;
  for (int round = 0; round < 8; ++round) {
    auto scorecards = Scorecards::Compile(Cards());
    ASSERT_TRUE(scorecards.ok()) << scorecards.status();
    (void)scorecards->Resolve(catalogue_);
    ColumnScoring scoring(*scorecards);
    std::vector<int> visits(kRows);
    for (const auto& [first, end] : {std::pair<facts::RowId, facts::RowId>{0, 1984}, {1984, kRows}}) {
      scoring.Score({.table = table_,
                     .first = first,
                     .end = end,
                     .as_of = [&](facts::RowId row) { return as_of_[row]; },
                     .wanted = &ColumnScoringTest::Wanted,
                     .carried = [&](facts::RowId row) { return CarriedOf(row); }},
                    [&](const ScoredBlock& block) {
                      for (std::size_t i = 0; i < block.rows.size(); ++i) {
                        const facts::RowId row = block.rows[i];
                        ++visits[row];
                        const Evaluation alone =
                            scorecards->Evaluate(facts::TableRow(table_, row), {.now = as_of_[row]}, CarriedOf(row));
                        ExpectSame(block, i, alone);
                        if (alone.score.has_value()) ++known;
                        if (HasFatalFailure()) return;
                      }
                    });
      if (HasFatalFailure()) return;
    }
    for (facts::RowId row = 0; row < kRows; ++row) {
      ASSERT_EQ(visits[row], table_.live(row) && Wanted(row) ? 1 : 0) << "row " << row;
    }
  }
  EXPECT_GT(known, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ColumnScoringTest, ::testing::Range(1U, 13U));

}  // namespace
}  // namespace perennial::health
