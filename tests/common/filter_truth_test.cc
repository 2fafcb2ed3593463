#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/common/filter_fixture.h"

namespace perennial::filter {
namespace {

constexpr Truth F = Truth::kFalse;
constexpr Truth U = Truth::kUnknown;
constexpr Truth T = Truth::kTrue;

class FilterTruthTest : public ::testing::Test {
 protected:
  FilterTruthTest() {
    row_.SetNumber(fixture_.Id("mrr"), 100);
    row_.SetText(fixture_.Id("name"), "Acme Corp");
    row_.SetNumber(fixture_.Id("silent"), 1);
    row_.SetNumber(fixture_.Id("create_time"), 86400);
    row_.SetSet(fixture_.Id("tags"), {"vip", "eu"});
    row_.SetSet(fixture_.Id("attributes.regions"), {});
  }

  Truth Of(absl::string_view text) {
    const auto compiled = fixture_.Compile(text);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return compiled.ok() ? compiled->Evaluate(row_, {.now = absl::UnixEpoch() + absl::Hours(48)}) : U;
  }
  // Text whose value is `truth`.
  static absl::string_view Text(Truth truth) {
    return truth == T ? "mrr = 100" : truth == F ? "mrr != 100" : "nps.latest = 1";
  }

  const perennial::testing::FilterFixture fixture_;
  facts::FactRow row_;
};

TEST_F(FilterTruthTest, FollowsKleenesTables) {
  const Truth values[] = {F, U, T};
  const Truth all[3][3] = {{F, F, F}, {F, U, U}, {F, U, T}};
  const Truth any[3][3] = {{F, U, T}, {U, U, T}, {T, T, T}};
  for (int a = 0; a < 3; ++a) {
    EXPECT_EQ(Of(absl::StrCat("NOT ", Text(values[a]))), values[2 - a]);
    for (int b = 0; b < 3; ++b) {
      EXPECT_EQ(Of(absl::StrCat(Text(values[a]), " AND ", Text(values[b]))), all[a][b]) << a << b;
      EXPECT_EQ(Of(absl::StrCat(Text(values[a]), " ", Text(values[b]))), all[a][b]) << a << b;
      EXPECT_EQ(Of(absl::StrCat(Text(values[a]), " OR ", Text(values[b]))), any[a][b]) << a << b;
    }
  }
}

TEST_F(FilterTruthTest, IsUnknownForEveryComparisonWithAnUnknownFact) {
  for (const char* comparator : {"=", "!=", "<", "<=", ">", ">=", ":"}) {
    EXPECT_EQ(Of(absl::StrCat("nps.latest ", comparator, " 9")), U) << comparator;
    EXPECT_EQ(Of(absl::StrCat("owner ", comparator, " kim")), U) << comparator;
  }
  EXPECT_EQ(Of("auto_renew"), U);
  EXPECT_EQ(Of("auto_renew != true"), U);
  EXPECT_EQ(Of("NOT auto_renew"), U);
}

TEST_F(FilterTruthTest, KnowsAlwaysWhetherAValueIsKnown) {
  EXPECT_EQ(Of("mrr:*"), T);
  EXPECT_EQ(Of("nps.latest:*"), F);
  EXPECT_EQ(Of("NOT nps.latest:*"), T);
  EXPECT_EQ(Of("owner:*"), F);
  EXPECT_EQ(Of("name:*"), T);
  EXPECT_EQ(Of("attributes:industry"), F);
}

TEST_F(FilterTruthTest, TellsAnEmptySetFromAnUnknownOne) {
  EXPECT_EQ(Of("tags:*"), T);
  EXPECT_EQ(Of("attributes.regions:*"), F);
  EXPECT_EQ(Of("attributes.regions:emea"), F);
  row_ = facts::FactRow();
  EXPECT_EQ(Of("attributes.regions:*"), U);
  EXPECT_EQ(Of("attributes.regions:emea"), U);
  EXPECT_EQ(Of("NOT tags:vip"), U);
}

TEST_F(FilterTruthTest, FindsElementsWholeOrByWildcard) {
  EXPECT_EQ(Of("tags:vip"), T);
  EXPECT_EQ(Of("tags:vi"), F);
  EXPECT_EQ(Of("tags:VIP"), F);
  EXPECT_EQ(Of("tags:v*"), T);
  EXPECT_EQ(Of("tags:*x*"), F);
  EXPECT_EQ(Of("tags:(eu AND vip)"), T);
  EXPECT_EQ(Of("tags:(us OR ca)"), F);
}

TEST_F(FilterTruthTest, SearchesKnownTextsInAnyCaseAndTagsExactly) {
  EXPECT_EQ(Of("acme"), T);
  EXPECT_EQ(Of("\"ME co\""), T);
  EXPECT_EQ(Of("vip"), T);
  EXPECT_EQ(Of("\"vi\""), F);
  EXPECT_EQ(Of("globex"), F);
  EXPECT_EQ(Of("-globex"), T);
  row_ = facts::FactRow();
  EXPECT_EQ(Of("acme"), F);
  EXPECT_EQ(Of("-acme"), T);
}

TEST_F(FilterTruthTest, SelectsEverythingWithTheEmptyFilter) {
  EXPECT_EQ(Of(""), T);
  row_ = facts::FactRow();
  EXPECT_EQ(Of("  "), T);
}

TEST_F(FilterTruthTest, CountsDaysBackFromTheTimeOfTheContext) {
  EXPECT_EQ(Of("create_time = days_ago(1)"), T);
  EXPECT_EQ(Of("create_time > days_ago(1)"), F);
  EXPECT_EQ(Of("create_time > days_ago(1.5)"), T);
  EXPECT_EQ(Of("create_time < now()"), T);
  EXPECT_EQ(Of("create_time < days_ago(-1)"), T);
}

class Segments final : public SegmentMembership {
 public:
  [[nodiscard]] const facts::Bitmap* Members(absl::string_view segment) const override {
    return segment == "short" ? &short_ : nullptr;
  }
  Segments() : short_(1) { short_.Set(0); }

 private:
  facts::Bitmap short_;
};

TEST_F(FilterTruthTest, AsksSegmentsByRow) {
  facts::FactTable table;
  (void)table.Upsert("a");
  (void)table.Upsert("b");
  const Segments segments;
  const auto of = [&](absl::string_view text, facts::RowId row, const SegmentMembership* known) {
    return fixture_.Compile(text)->Evaluate(facts::TableRow(table, row), {.now = {}, .segments = known});
  };
  EXPECT_EQ(of("segment(short)", 0, &segments), T);
  EXPECT_EQ(of("segment(short)", 1, &segments), F);
  EXPECT_EQ(of("NOT segment(short)", 1, &segments), T);
  EXPECT_EQ(of("segment(missing)", 0, &segments), U);
  EXPECT_EQ(of("segment(short)", 0, nullptr), U);
  EXPECT_EQ(fixture_.Compile("segment(short)")->Evaluate(row_, {.now = {}, .segments = &segments}), U);
}

TEST_F(FilterTruthTest, AsksSegmentsByColumn) {
  facts::FactTable table;
  (void)table.Upsert("a");
  (void)table.Upsert("b");
  const Segments segments;
  EXPECT_EQ(fixture_.Compile("NOT segment(short)")->EvaluateAll(table, {.now = {}, .segments = &segments}).Count(), 1U);
  EXPECT_EQ(fixture_.Compile("segment(missing)")->EvaluateAll(table, {.now = {}, .segments = &segments}).Count(), 0U);
  EXPECT_EQ(fixture_.Compile("NOT segment(missing)")->EvaluateAll(table, {.now = {}, .segments = &segments}).Count(),
            0U);
  EXPECT_EQ(fixture_.Compile("segment(short)")->EvaluateAll(table, {}).Count(), 0U);
}

}  // namespace
}  // namespace perennial::filter
