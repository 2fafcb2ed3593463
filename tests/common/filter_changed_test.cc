// changed(fact, "30d"): asked of facts that another fact tells the age of.

#include <gtest/gtest.h>

#include <optional>

#include "common/filter/filter.h"

namespace perennial::filter {
namespace {

using facts::FactType;

class FilterChangedTest : public ::testing::Test {
 protected:
  FilterChangedTest() {
    (void)catalogue_.Add({.name = "mrr", .type = FactType::kNumber}).value();
    (void)catalogue_.Add({.name = "phase", .type = FactType::kString, .change_fact = "phase_days"}).value();
    phase_days_ = catalogue_.Add({.name = "phase_days", .type = FactType::kNumber}).value();
    (void)catalogue_.Add({.name = "health.band", .type = FactType::kString, .change_fact = "health.band_time"}).value();
    band_time_ = catalogue_.Add({.name = "health.band_time", .type = FactType::kTime}).value();
    (void)catalogue_.Add({.name = "plan", .type = FactType::kString, .change_fact = "not.known"}).value();
  }

  Filter Compiled(absl::string_view text) {
    auto filter = Filter::Compile(text, catalogue_);
    EXPECT_TRUE(filter.ok()) << filter.status();
    return filter.ok() ? *std::move(filter) : Filter::Compile("", catalogue_).value();
  }
  std::string ErrorOf(absl::string_view text) {
    return std::string(Filter::Compile(text, catalogue_).status().message());
  }
  // By row and by column, which must agree.
  Truth Evaluated(absl::string_view text, std::optional<double> phase_days, std::optional<absl::Time> band_time) {
    const Filter filter = Compiled(text);
    const Filter opposite = Compiled(absl::StrCat("NOT (", text, ")"));
    facts::FactTable table;
    const facts::RowId row = table.Upsert("a");
    table.SetNumber(row, phase_days_, FactType::kNumber, phase_days);
    if (band_time.has_value()) {
      table.SetNumber(row, band_time_, FactType::kTime, absl::ToDoubleSeconds(*band_time - absl::UnixEpoch()));
    }
    const Truth truth = filter.Evaluate(facts::TableRow(table, row), {.now = now_});
    EXPECT_EQ(filter.EvaluateAll(table, {.now = now_}).Test(row), truth == Truth::kTrue) << text;
    EXPECT_EQ(opposite.EvaluateAll(table, {.now = now_}).Test(row), truth == Truth::kFalse) << text;
    return truth;
  }

  facts::FactCatalogue catalogue_;
  facts::FactId phase_days_ = 0;
  facts::FactId band_time_ = 0;
  absl::Time now_ = absl::FromCivil(absl::CivilSecond(2024, 3, 15, 12, 0, 0), absl::UTCTimeZone());
};

TEST_F(FilterChangedTest, IsTrueWhileTheValueIsYoungerThanTheWindow) {
  EXPECT_EQ(Evaluated("changed(phase, \"30d\")", 0, {}), Truth::kTrue);
  EXPECT_EQ(Evaluated("changed(phase, \"30d\")", 29, {}), Truth::kTrue);
  EXPECT_EQ(Evaluated("changed(phase, \"30d\")", 30, {}), Truth::kFalse);
  EXPECT_EQ(Evaluated("changed(phase, 1d)", 0, {}), Truth::kTrue);
  EXPECT_EQ(Evaluated("changed(phase, 1d)", 1, {}), Truth::kFalse);
}

TEST_F(FilterChangedTest, CountsWholeDaysBackFromTheDayOfNow) {
  // 29 days before, over a leap day.
  const absl::Time first = absl::FromCivil(absl::CivilDay(2024, 2, 15), absl::UTCTimeZone());
  EXPECT_EQ(Evaluated("changed(health.band, \"30d\")", {}, first), Truth::kTrue);
  EXPECT_EQ(Evaluated("changed(health.band, \"30d\")", {}, first - absl::Microseconds(1)), Truth::kFalse);
  EXPECT_EQ(Evaluated("changed(health.band, \"30d\")", {}, now_), Truth::kTrue);
}

TEST_F(FilterChangedTest, IsUnknownWhenNothingIsKnownOfTheChange) {
  EXPECT_EQ(Evaluated("changed(phase, \"30d\")", {}, now_), Truth::kUnknown);
  EXPECT_EQ(Evaluated("changed(health.band, \"30d\")", 3, {}), Truth::kUnknown);
}

TEST_F(FilterChangedTest, ReadsTheClockWhereAMomentTellsOfTheChange) {
  EXPECT_FALSE(Compiled("changed(phase, \"30d\")").reads_clock());
  EXPECT_TRUE(Compiled("changed(health.band, \"30d\")").reads_clock());
  EXPECT_EQ(Compiled("changed(phase, \"30d\")").fact_names(), (std::vector<std::string>{"phase", "phase_days"}));
}

TEST_F(FilterChangedTest, IsWrittenInOneWay) {
  for (const char* text :
       {"changed(health.band,30d)", "changed( health.band , \"30d\" )", "changed(health.band, 720h)"}) {
    EXPECT_EQ(Compiled(text).canonical(), "changed(health.band, \"30d\")") << text;
  }
  EXPECT_EQ(Compiled("-changed(phase, 7d) mrr>5").canonical(), "NOT (changed(phase, \"7d\")) AND mrr > 5");
}

TEST_F(FilterChangedTest, SaysPreciselyWhatCannotBeAsked) {
  EXPECT_EQ(ErrorOf("changed(mrr, \"30d\")"),
            "nothing tells since when 'mrr' has its value at 1:9; changed() can be asked of health.band, phase");
  EXPECT_EQ(ErrorOf("changed(plan, \"30d\")"),
            "nothing tells since when 'plan' has its value at 1:9; changed() can be asked of health.band, phase");
  EXPECT_EQ(ErrorOf("changed(phas, \"30d\")"), "unknown fact 'phas' at 1:9; did you mean 'phase'?");
  EXPECT_EQ(ErrorOf("changed(phase)"),
            "changed() takes a fact and a number of days at 1:1; for example changed(phase, \"30d\")");
  for (const char* window : {"\"1.5d\"", "\"0d\"", "\"12h\"", "\"40000d\"", "\"soon\"", "30"}) {
    const std::string error = ErrorOf(absl::StrCat("changed(phase, ", window, ")"));
    EXPECT_EQ(error.rfind("expected whole days from \"1d\" to \"36525d\", but found ", 0), 0U) << error;
    EXPECT_NE(error.find(" at 1:16"), std::string::npos) << error;
  }
  EXPECT_EQ(ErrorOf("changed(phase, \"30d\") = true"),
            "changed() is true or false by itself and is not compared at 1:23; write changed(fact, \"30d\") or NOT "
            "changed(fact, \"30d\")");
}

}  // namespace
}  // namespace perennial::filter
