#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/filter/filter_reading.h"
#include "tests/common/filter_fixture.h"

namespace perennial::filter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Case {
  std::string text;
  std::string canonical;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.text; }

class FilterCanonicalTest : public ::testing::TestWithParam<Case> {
 protected:
  const perennial::testing::FilterFixture fixture_;
};

TEST_P(FilterCanonicalTest, IsWhatTheFilterMeans) {
  EXPECT_EQ(fixture_.Canonical(GetParam().text), GetParam().canonical);
}

TEST_P(FilterCanonicalTest, CompilesToItselfWithoutWarnings) {
  const auto again = fixture_.Compile(GetParam().canonical);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->canonical(), GetParam().canonical);
  EXPECT_THAT(again->warnings(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Structure, FilterCanonicalTest,
    ::testing::Values(Case{"", ""}, Case{" \t\n ", ""},                              //
                      Case{"silent", "silent = true"},                               //
                      Case{"(((silent)))", "silent = true"},                         //
                      Case{"NOT silent", "NOT (silent = true)"},                     //
                      Case{"-silent", "NOT (silent = true)"},                        //
                      Case{"NOT(silent)", "NOT (silent = true)"},                    //
                      Case{"NOT NOT silent", "NOT (NOT (silent = true))"},           //
                      Case{"-(mrr>1 OR silent)", "NOT (mrr > 1 OR silent = true)"},  //
                      Case{"mrr > 1 silent", "mrr > 1 AND silent = true"},           //
                      Case{"mrr > 1 -silent", "mrr > 1 AND NOT (silent = true)"},    //
                      Case{"mrr>1 AND silent AND mrr<9", "mrr > 1 AND silent = true AND mrr < 9"},
                      Case{"(mrr>1 AND silent) AND mrr<9", "mrr > 1 AND silent = true AND mrr < 9"},
                      Case{"mrr>1\nAND\tsilent", "mrr > 1 AND silent = true"},
                      Case{"(silent)(auto_renew)", "silent = true AND auto_renew = true"},
                      Case{"(silent)AND(auto_renew)OR(mrr>1)", "silent = true AND (auto_renew = true OR mrr > 1)"}));

// OR binds tighter than AND; a sequence is AND.
INSTANTIATE_TEST_SUITE_P(
    Precedence, FilterCanonicalTest,
    ::testing::Values(Case{"mrr>1 AND mrr>2 OR mrr>3", "mrr > 1 AND (mrr > 2 OR mrr > 3)"},
                      Case{"mrr>1 OR mrr>2 AND mrr>3", "(mrr > 1 OR mrr > 2) AND mrr > 3"},
                      Case{"mrr>1 OR mrr>2 AND mrr>3 OR mrr>4", "(mrr > 1 OR mrr > 2) AND (mrr > 3 OR mrr > 4)"},
                      Case{"mrr>1 mrr>2 OR mrr>3", "mrr > 1 AND (mrr > 2 OR mrr > 3)"},
                      Case{"mrr>1 mrr>2 AND mrr>3", "mrr > 1 AND mrr > 2 AND mrr > 3"},
                      Case{"mrr>1 AND mrr>2 mrr>3 OR mrr>4", "mrr > 1 AND mrr > 2 AND (mrr > 3 OR mrr > 4)"},
                      Case{"(mrr>1 AND mrr>2) OR mrr>3", "(mrr > 1 AND mrr > 2) OR mrr > 3"},
                      Case{"NOT silent OR auto_renew", "NOT (silent = true) OR auto_renew = true"},
                      Case{"-silent OR NOT auto_renew mrr>1",
                           "(NOT (silent = true) OR NOT (auto_renew = true)) AND mrr > 1"},
                      Case{"((mrr>1 OR mrr>2) OR mrr>3) AND mrr>4", "(mrr > 1 OR mrr > 2 OR mrr > 3) AND mrr > 4"}));

INSTANTIATE_TEST_SUITE_P(
    Values, FilterCanonicalTest,
    ::testing::Values(
        Case{"mrr = 5", "mrr = 5"}, Case{"mrr:5", "mrr = 5"},                            //
        Case{"mrr >= -30", "mrr >= -30"}, Case{"mrr<=1.50", "mrr <= 1.5"},               //
        Case{"mrr != 2.997e9", "mrr != 2997000000"}, Case{"mrr < 1E-7", "mrr < 1e-07"},  //
        Case{"mrr > 1e300", "mrr > 1e+300"}, Case{"mrr > -0", "mrr > 0"},                //
        Case{"mrr > 0.1", "mrr > 0.1"}, Case{"mrr > 123456789.123", "mrr > 123456789.123"},
        Case{"nps.latest:*", "nps.latest:*"}, Case{"usage.logins.sum_7d>0", "usage.logins.sum_7d > 0"},
        Case{"tenure_days > 30d", "tenure_days > 30"}, Case{"tenure_days > 36h", "tenure_days > 1.5"},
        Case{"tenure_days<43200s", "tenure_days < 0.5"},
        Case{"tenure_days < 1.5s", "tenure_days < 0.00001736111111111111"},
        Case{"support.first_response_hours_90d > 90m", "support.first_response_hours_90d > 1.5"},
        Case{"support.first_response_hours_90d > 1d", "support.first_response_hours_90d > 24"},
        Case{"phase = ADOPTION", "phase = \"ADOPTION\""}, Case{"phase = 'ADOPTION'", "phase = \"ADOPTION\""},
        Case{"phase:ADOPTION", "phase = \"ADOPTION\""}, Case{"phase:*", "phase:*"}, Case{"phase:\"*\"", "phase:*"},
        Case{"phase = *", "phase = \"*\""}, Case{"phase = \"**\"", "phase = \"*\""},
        Case{"name = *Inc", "name = \"*Inc\""}, Case{"name != \"A*\"", "name != \"A*\""},
        Case{"name = *b*", "name = \"*b*\""}, Case{R"(name = "\*")", R"(name = "\*")"},
        Case{R"(name = "\**")", R"(name = "\**")"}, Case{R"(name = 'say "hi"')", R"(name = "say \"hi\"")"},
        Case{R"(name = "it's")", R"(name = "it's")"}, Case{R"(name = 'it\'s')", R"(name = "it's")"},
        Case{R"(name = "a\\b\n\t\r")", R"(name = "a\\b\n\t\r")"}, Case{"name = \"a\nb\"", R"(name = "a\nb")"},
        Case{"name = \"Zürich\"", "name = \"Zürich\""}, Case{"name = Zürich", "name = \"Zürich\""},
        Case{"owner = kim@example.com", "owner = \"kim@example.com\""}, Case{"name = 1.2.3", "name = \"1.2.3\""},
        Case{"name = \"\"", "name = \"\""}, Case{"name = -5", "name = \"-5\""}, Case{"name > M", "name > \"M\""},
        Case{"silent = false", "silent = false"}, Case{"silent != true", "silent != true"},
        Case{"silent:true", "silent = true"}, Case{"silent:*", "silent:*"}));

INSTANTIATE_TEST_SUITE_P(
    TimesAndSets, FilterCanonicalTest,
    ::testing::Values(
        Case{"create_time > 2024-01-31", "create_time > 2024-01-31T00:00:00Z"},
        Case{"create_time > 2012-04-21T11:30:00-04:00", "create_time > 2012-04-21T15:30:00Z"},
        Case{"create_time = '2024-02-29T23:59:59.25Z'", "create_time = 2024-02-29T23:59:59.25Z"},
        Case{"create_time < 2024-02-29T01:02:03.000001Z", "create_time < 2024-02-29T01:02:03.000001Z"},
        Case{"create_time > days_ago(30)", "create_time > days_ago(30)"},
        Case{"create_time > days_ago(12h)", "create_time > days_ago(0.5)"},
        Case{"create_time > days_ago( -7 )", "create_time > days_ago(-7)"},
        Case{"create_time <= now()", "create_time <= now()"},
        Case{"create_time <= days_ago(0)", "create_time <= now()"}, Case{"create_time:*", "create_time:*"},  //
        Case{"tags:vip", "tags:\"vip\""}, Case{"tags:*", "tags:*"}, Case{"tags:'**'", "tags:*"},
        Case{"name:**", "name:*"}, Case{"tags:vi*", "tags:\"vi*\""},
        Case{"attributes:industry", "attributes.industry:*"}, Case{"attributes.industry:*", "attributes.industry:*"},
        Case{"attributes:regions", "attributes.regions:*"}, Case{"usage:logins.sum_7d", "usage.logins.sum_7d:*"},
        Case{"attributes.industry:finance", "attributes.industry = \"finance\""},
        Case{"attributes.\"industry\" = x", "attributes.industry = \"x\""}, Case{"'mrr' > 5", "mrr > 5"},
        Case{"phase = (TRIAL OR ONBOARDING)", "phase = \"TRIAL\" OR phase = \"ONBOARDING\""},
        Case{"tags:(a b)", "tags:\"a\" AND tags:\"b\""},
        Case{"tags:(a AND NOT (b OR c))", "tags:\"a\" AND NOT (tags:\"b\" OR tags:\"c\")"},
        Case{"mrr = (-1 OR 2)", "mrr = -1 OR mrr = 2"}, Case{"segment(\"at-risk\")", "segment(\"at-risk\")"},
        Case{"NOT segment(silent)", "NOT (segment(\"silent\"))"}, Case{"acme", "\"acme\""},
        Case{"\"Acme Corp\" -test", "\"Acme Corp\" AND NOT (\"test\")"}, Case{"'acm*'", "\"acm\""},
        Case{"\"mrr\"", "\"mrr\""}));

class FilterTest : public ::testing::Test {
 protected:
  Filter Compiled(absl::string_view text) { return fixture_.Compile(text).value(); }
  const perennial::testing::FilterFixture fixture_;
};

TEST_F(FilterTest, WarnsOnceALevelWhereAndAndOrMixWithoutParentheses) {
  const std::string expected =
      "AND and OR are mixed without parentheses at 1:17; OR binds tighter: a AND b OR c means a AND (b OR c)";
  EXPECT_THAT(Compiled("mrr>1 AND mrr>2 OR mrr>3 OR mrr>4").warnings(), ElementsAre(expected));
  EXPECT_THAT(Compiled("mrr>1     mrr>2 OR mrr>3").warnings(), ElementsAre(expected));
  EXPECT_THAT(Compiled("mrr>1 OR (mrr>2 OR mrr>3 AND silent)").warnings(), ElementsAre(HasSubstr("at 1:17")));
  EXPECT_THAT(Compiled("tags:(a b OR c)").warnings(), ElementsAre(HasSubstr("at 1:11")));
}

TEST_F(FilterTest, DoesNotWarnWhereParenthesesMakeItPlain) {
  EXPECT_THAT(Compiled("mrr>1 AND (mrr>2 OR mrr>3)").warnings(), IsEmpty());
  EXPECT_THAT(Compiled("(mrr>1 AND mrr>2) OR mrr>3").warnings(), IsEmpty());
  EXPECT_THAT(Compiled("mrr>1 OR mrr>2 OR mrr>3").warnings(), IsEmpty());
  EXPECT_THAT(Compiled("mrr>1 mrr>2 AND mrr>3").warnings(), IsEmpty());
}

TEST_F(FilterTest, WarnsOfAWildcardThatIsNone) {
  EXPECT_THAT(Compiled("name = \"a*b\"").warnings(),
              ElementsAre(HasSubstr("a '*' inside 'a*b' stands for itself at 1:8")));
  EXPECT_THAT(Compiled("tags:*a*b*").warnings(), ElementsAre(HasSubstr("at 1:6")));
  EXPECT_THAT(Compiled(R"(name = "a\*b*")").warnings(), IsEmpty());
}

TEST_F(FilterTest, WarnsOfAFactThatIsTakenAsAText) {
  EXPECT_THAT(
      Compiled("name = owner").warnings(),
      ElementsAre("'owner' is taken as a text, not as the fact of that name at 1:8; quote it to make that plain"));
  EXPECT_THAT(Compiled("name = 'owner'").warnings(), IsEmpty());
}

TEST_F(FilterTest, NamesWhatItReads) {
  const Filter compiled = Compiled("tenure_days > 3 (mrr > 1 OR mrr < 0) segment(b) segment(a) segment(b)");
  EXPECT_THAT(compiled.fact_names(), ElementsAre("mrr", "tenure_days"));
  EXPECT_THAT(compiled.facts(), ElementsAre(fixture_.Id("mrr"), fixture_.Id("tenure_days")));
  EXPECT_THAT(compiled.segments(), ElementsAre("a", "b"));
  EXPECT_EQ(compiled.canonical(),
            "tenure_days > 3 AND (mrr > 1 OR mrr < 0) AND segment(\"b\") AND segment(\"a\") AND segment(\"b\")");
  EXPECT_THAT(Compiled("acme").fact_names(), ElementsAre("name", "owner", "tags"));
  EXPECT_THAT(Compiled("").fact_names(), IsEmpty());
}

TEST_F(FilterTest, TellsItsReaderHowItWasUnderstood) {
  const auto reading = ToProto(Compiled("tenure_days > 1d mrr>1 OR silent"));
  EXPECT_EQ(reading.canonical(), "tenure_days > 1 AND (mrr > 1 OR silent = true)");
  EXPECT_THAT(reading.warnings(), ElementsAre(HasSubstr("at 1:24")));
  EXPECT_THAT(reading.facts(), ElementsAre("mrr", "silent", "tenure_days"));
}

TEST_F(FilterTest, KnowsWhetherTheClockAloneCanChangeIt) {
  EXPECT_TRUE(Compiled("mrr > 1 OR NOT create_time > days_ago(3)").reads_clock());
  EXPECT_TRUE(Compiled("create_time > now()").reads_clock());
  EXPECT_FALSE(Compiled("create_time > 2024-01-01 tenure_days > 3d").reads_clock());
}

TEST_F(FilterTest, QuotesPartsOfNamesThatAreNoWords) {
  facts::FactCatalogue catalogue;
  for (const char* name : {"attributes.Age Band", "attributes.AND", "attributes.2fa", "attributes.a\"b"}) {
    ASSERT_TRUE(catalogue.Add({.name = name}).ok());
  }
  const auto compiled = Filter::Compile(
      R"(attributes."Age Band" > 1 attributes.AND > 2 attributes.2fa > 3 attributes."a\"b" > 4)", catalogue);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_EQ(compiled->canonical(), R"(attributes."Age Band" > 1 AND attributes."AND" > 2 AND attributes."2fa" > 3 AND )"
                                   R"(attributes."a\"b" > 4)");
  EXPECT_EQ(Filter::Compile(compiled->canonical(), catalogue)->canonical(), compiled->canonical());
}

TEST_F(FilterTest, StaysValidWhileTheCatalogueGrows) {
  facts::FactCatalogue catalogue;
  const facts::FactId first = catalogue.Add({.name = "a"}).value();
  const auto compiled = Filter::Compile("a > 1", catalogue);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(catalogue.Add({.name = absl::StrCat("b", i)}).ok());
  facts::FactRow row;
  row.SetNumber(first, 2);
  EXPECT_TRUE(compiled->Selects(row, {}));
  EXPECT_THAT(compiled->fact_names(), ElementsAre("a"));
}

}  // namespace
}  // namespace perennial::filter
