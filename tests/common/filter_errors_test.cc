#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/filter_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::filter {
namespace {

struct Case {
  std::string text;
  std::string error;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.text; }

class FilterErrorTest : public ::testing::TestWithParam<Case> {};

TEST_P(FilterErrorTest, SaysWhatIsWrongAndWhere) {
  const perennial::testing::FilterFixture fixture;
  EXPECT_EQ(fixture.ErrorOf(GetParam().text), GetParam().error);
  EXPECT_THAT(Filter::Compile(GetParam().text, fixture.catalogue()),
              perennial::testing::HasCode(absl::StatusCode::kInvalidArgument));
}

INSTANTIATE_TEST_SUITE_P(
    Names, FilterErrorTest,
    ::testing::Values(
        Case{"helth.score > 5", "unknown fact 'helth.score' at 1:1; did you mean 'health.score'?"},
        Case{"mrr > 1 AND\n  industry = x", "unknown fact 'industry' at 2:3; did you mean 'attributes.industry'?"},
        Case{"score > 1", "unknown fact 'score' at 1:1; did you mean 'health.score'?"},
        Case{"attributes.indsutry:*", "unknown fact 'attributes.indsutry' at 1:1; did you mean 'attributes.industry'?"},
        Case{"attributes:indsutry", "unknown fact 'attributes.indsutry' at 1:12; did you mean 'attributes.industry'?"},
        Case{"attributes = 5", "unknown fact 'attributes' at 1:1"},
        Case{"attributes:*", "expected the name of one fact of 'attributes' at 1:12; for example attributes:name"},
        Case{"zzzzzzzz > 1", "unknown fact 'zzzzzzzz' at 1:1"}, Case{"mrr.x > 1", "unknown fact 'mrr.x' at 1:1"},
        Case{"Zürich silnt",
             "unknown fact 'silnt' at 1:8; did you mean 'silent'? If not, quote it to search for the text"},
        Case{"kim@example.com", "unknown fact 'kim@example.com' at 1:1; quote it to search for the text"},
        Case{"mrr",
             "expected a comparison, but 'mrr' is a number at 1:1; compare it, for example mrr > 0, or ask mrr:*"},
        Case{"tags",
             "expected a comparison, but 'tags' is a set of strings at 1:1; compare it, for example "
             "tags:\"text\", or ask tags:*"},
        Case{"5", "expected a comparison, but found '5' alone at 1:1; quote it to search for the text"},
        Case{"mrr > 1 and silent",
             "unexpected 'and' at 1:9; write AND in upper case, or quote it to search for the text"},
        Case{"\"\"", "expected a text to search for, but it is empty at 1:1"}));

INSTANTIATE_TEST_SUITE_P(
    Types, FilterErrorTest,
    ::testing::Values(
        Case{"mrr > x", "expected a number after 'mrr >', but found 'x' at 1:7"},
        Case{"mrr > \"5\"", "expected a number after 'mrr >', but found '5' at 1:7; numbers stand without quotes"},
        Case{"mrr > tenure_days",
             "expected a number after 'mrr >', but found 'tenure_days' at 1:7; a fact compares with a "
             "value, not with another fact"},
        Case{"nps.latest = null",
             "expected a number after 'nps.latest =', but found 'null' at 1:14; whether it is known: "
             "nps.latest:*"},
        Case{"mrr > 1e999", "expected a number after 'mrr >', but found '1e999' at 1:7"},
        Case{"mrr > nan", "expected a number after 'mrr >', but found 'nan' at 1:7"},
        Case{"mrr > 0x10", "expected a number after 'mrr >', but found '0x10' at 1:7"},
        Case{"mrr > 20s",
             "'20s' is a duration, but 'mrr' does not count days or hours at 1:7; its unit is USD per month"},
        Case{"health.score > 1d",
             "'1d' is a duration, but 'health.score' does not count days or hours at 1:16; write a "
             "number without a unit"},
        Case{"mrr = days_ago(3)", "expected a number after 'mrr =', but found 'days_ago' at 1:7"},
        Case{"silent > true", "'silent' is a bool: '>' does not apply at 1:8; use = or != with true or false"},
        Case{"silent = yes", "expected true or false after 'silent =', but found 'yes' at 1:10"},
        Case{"silent = \"true\"", "expected true or false after 'silent =', but found 'true' at 1:10"},
        Case{"create_time > soon",
             "expected a time such as 2024-12-31 or 2024-12-31T08:00:00Z after 'create_time >', but "
             "found 'soon' at 1:15"},
        Case{"create_time > 30d",
             "expected a time such as 2024-12-31 or 2024-12-31T08:00:00Z after 'create_time >', but "
             "found '30d' at 1:15; the time so many days before now is days_ago(n)"},
        Case{"create_time > 2023-02-29",
             "expected a time such as 2024-12-31 or 2024-12-31T08:00:00Z after 'create_time >', "
             "but found '2023-02-29' at 1:15"},
        Case{"create_time > 2024-01-01T00:00:00",
             "expected a time such as 2024-12-31 or 2024-12-31T08:00:00Z after "
             "'create_time >', but found '2024-01-01T00:00:00' at 1:15"},
        Case{"tags = vip",
             "'tags' is a set of strings: '=' does not apply at 1:6; whether it has an element: tags:\"text\""},
        Case{"name > a*",
             "a wildcard does not go with '>' at 1:8; use it with = or !=, or write \"\\*\" for the character"},
        Case{"name = now()",
             "expected a text after 'name =', but found 'now' at 1:8; quote it if it is meant as a text"}));

INSTANTIATE_TEST_SUITE_P(
    Functions, FilterErrorTest,
    ::testing::Values(
        Case{"segment(\"a\")", "segment() cannot be used here at 1:1; only segments can refer to segments"},
        Case{"create_time > daysago(3)", "unknown function 'daysago' at 1:15; did you mean 'days_ago'?"},
        Case{"frobnicate(3)", "unknown function 'frobnicate' at 1:1; there are segment(\"id\"), changed(fact, \"30d\"), days_ago(n) and now()"},
        Case{"days_ago(3) < create_time",
             "days_ago() is a time and stands right of a comparator at 1:1; the fact stands "
             "left of it: fact < days_ago(30)"},
        Case{"create_time > days_ago()",
             "days_ago() takes one number of days, -36525 to 36525 at 1:15; for example "
             "days_ago(30)"},
        Case{"create_time > days_ago(1, 2)",
             "days_ago() takes one number of days, -36525 to 36525 at 1:15; for example "
             "days_ago(30)"},
        Case{"create_time > days_ago(99999)",
             "days_ago() takes one number of days, -36525 to 36525 at 1:15; for example "
             "days_ago(30)"},
        Case{"create_time > now(1)", "now() takes no argument at 1:15; for an earlier time write days_ago(n)"},
        Case{"create_time > segment(a)",
             "segment() is true or false and is not compared at 1:15; write segment(\"id\") alone"},
        Case{"create_time > days_ago(3", "expected ) for the ( at 1:23, but the filter ends at 1:25"},
        Case{"create_time > days_ago(3,)", "expected a value after ',', but found ')' at 1:26"}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, FilterErrorTest,
    ::testing::Values(
        Case{"mrr >", "expected a value after '>', but the filter ends at 1:6"},
        Case{"mrr > AND",
             "expected a value after '>', but found 'AND' at 1:7; quote the text if it is meant as a value"},
        Case{"mrr > - 5", "expected a value after '>', but found '-' at 1:7"},
        Case{"> 5", "expected a fact, a function or (, but found '>' at 1:1"},
        Case{"silent AND", "expected a fact, a function or (, but the filter ends at 1:11"},
        Case{"silent OR OR silent",
             "expected a fact, a function or (, but found 'OR' at 1:11; quote the text to search for it"},
        Case{"()", "expected a fact, a function or (, but found ')' at 1:2"},
        Case{"(silent", "expected ) for the ( at 1:1, but the filter ends at 1:8"},
        Case{"silent)", "expected the end of the filter, AND, OR or another term, but found ')' at 1:7"},
        Case{"mrr > 1,000", "expected the end of the filter, AND, OR or another term, but found ',' at 1:8"},
        Case{"mrr == 5", "unexpected '==' at 1:5; equality is a single ="},
        Case{"mrr <> 5", "expected a value after '<', but found '>' at 1:6"},
        Case{"!silent", "unexpected '!' at 1:1; write NOT, or != for unequal"},
        Case{"silent && mrr > 1", "unexpected '&' at 1:8; write AND and OR"},
        Case{"silent; mrr > 1", "unexpected ';' at 1:7; quote text that has it"},
        Case{"name = \"abc", "a quoted text starts and never ends at 1:8"},
        Case{"name = 'abc\"", "a quoted text starts and never ends at 1:8"},
        Case{"name = \"a\\q\"",
             R"(unknown escape in a quoted text at 1:10; use \\ \" \' \* \n \r \t, and \\ for a backslash itself)"},
        Case{"name = \"a\"b", "expected a space, but found 'b' at 1:11"},
        Case{"health . score > 1", "expected a name before and after '.', without spaces at 1:8"},
        Case{"health. > 1", "expected a name before and after '.', without spaces at 1:7"},
        Case{"phase != (A OR B)", "!= with several values is ambiguous at 1:7; write NOT phase = (...)"},
        Case{"phase = (A OR mrr > 5)", "expected values between the parentheses, not a comparison at 1:19"},
        Case{"name = a:b", "expected the end of the filter, AND, OR or another term, but found ':' at 1:9"},
        Case{"mrr > 1\x01", "control character 0x01 at 1:8"}));

TEST(FilterErrorsTest, NameTheNearestSegment) {
  const perennial::testing::FilterFixture fixture;
  const std::vector<std::string> known = {"at-risk", "silent"};
  const CompileOptions options{.allow_segments = true, .known_segments = &known};
  EXPECT_EQ(fixture.ErrorOf("segment(\"at-rsik\")", options),
            "unknown segment 'at-rsik' at 1:9; did you mean 'at-risk'?");
  EXPECT_EQ(fixture.ErrorOf("segment(\"at-risk\")", options), "<segment(\"at-risk\")>");
}

TEST(FilterErrorsTest, RefuseWrongUseOfSegment) {
  const perennial::testing::FilterFixture fixture;
  const CompileOptions options{.allow_segments = true};
  EXPECT_EQ(fixture.ErrorOf("segment()", options),
            "segment() takes the id of one segment at 1:1; for example segment(\"at-risk\")");
  EXPECT_EQ(
      fixture.ErrorOf("segment(a) = true", options),
      "segment() is true or false by itself and is not compared at 1:12; write segment(\"id\") or NOT segment(\"id\")");
  EXPECT_THAT(fixture.ErrorOf("segment(\"At Risk\")", options),
              ::testing::HasSubstr("'At Risk' names no segment at 1:9"));
}

TEST(FilterErrorsTest, RefuseSearchingWhereThereIsNothingToSearch) {
  facts::FactCatalogue catalogue;
  ASSERT_TRUE(catalogue.Add({.name = "mrr"}).ok());
  EXPECT_EQ(Filter::Compile("acme", catalogue).status().message(),
            "nothing can be searched here for 'acme' at 1:1; compare a fact with it");
}

TEST(FilterErrorsTest, QuoteLongAndMultiLineTextsInPart) {
  const perennial::testing::FilterFixture fixture;
  EXPECT_EQ(fixture.ErrorOf("mrr > '" + std::string(500, 'x') + "'"), "expected a number after 'mrr >', but found '" +
                                                                          std::string(60, 'x') +
                                                                          "...' at 1:7; numbers stand without quotes");
  EXPECT_EQ(fixture.ErrorOf("mrr > 'a\nb'"),
            "expected a number after 'mrr >', but found 'a\\nb' at 1:7; numbers stand without quotes");
}

}  // namespace
}  // namespace perennial::filter
