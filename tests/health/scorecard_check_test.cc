#include "health-svc/rules/scorecard_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "health-svc/default_config.h"
#include "health-svc/rules/flag_rules.h"
#include "tests/health/scorecards_for_tests.h"
#include "tests/testing/status_matchers.h"

namespace perennial::health {
namespace {

using ::perennial::testing::HasCode;
using ::perennial::testing::IsOk;
using ::testing::HasSubstr;

struct Fault {
  const char* name;
  // Text format of the scorecard, put over a good one.
  std::string fields;
  const char* expected;
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class ScorecardFaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(ScorecardFaultTest, IsNamed) {
  const absl::Status status = CheckScorecards(CardOf(GetParam().fields));
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().expected));
}

std::string WithCurve(const std::string& curve) {
  return Group("g", 1) + "measures { id: 'm' group: 'g' fact: 'f' weight: 1 missing: MISSING_POLICY_ZERO curve { " +
         curve + " } } ";
}
std::string Good() { return Group("g", 1) + Plain("m", "g", 1); }

INSTANTIATE_TEST_SUITE_P(
    All, ScorecardFaultTest,
    ::testing::Values(
        Fault{"NoCurve", WithCurve(""), "scorecards[0].measures[0].curve must be one of tiers"},
        Fault{"NoTiers", WithCurve("tiers { }"), "measures[0].curve.tiers.tiers must have at least 1 tier"},
        Fault{"TiersNotAscending", WithCurve("tiers { tiers { value: 2 } tiers { value: 2 } }"),
              "measures[0].curve.tiers.tiers[1].value must be greater than the one before"},
        Fault{"OnePoint", WithCurve("linear { points { value: 1 } }"),
              "curve.linear.points must have at least 2 points"},
        Fault{"ScoreAboveHundred", WithCurve("tiers { tiers { value: 0 score: 101 } }"),
              "tiers[0].score must lie between 0 and 100"},
        Fault{"ScoreNotANumber", WithCurve("tiers { tiers { value: 0 score: nan } }"),
              "tiers[0].score must lie between 0 and 100"},
        Fault{"ValueNotFinite", WithCurve("tiers { tiers { value: inf score: 1 } }"), "value must be a finite number"},
        Fault{"CaseTwice", WithCurve("match { cases { value: 'a' } cases { value: 'a' } }"),
              "cases[1].value stands twice"},
        Fault{"NoCase", WithCurve("match { default_score: 1 }"), "match.cases must have at least one case"},
        Fault{"CarryWithoutDays", Group("g", 1) + Plain("m", "g", 1, "CARRY"),
              "measures[0].carry_days must be greater than 0 and at most 366"},
        Fault{"CarryTooLong", Group("g", 1) + Plain("m", "g", 1, "CARRY", "carry_days: 367"),
              "measures[0].carry_days must be greater than 0 and at most 366"},
        Fault{"CarryDaysNotANumber", Group("g", 1) + Plain("m", "g", 1, "CARRY", "carry_days: nan"),
              "measures[0].carry_days must be greater than 0"},
        Fault{"CarryDaysOfAnotherPolicy", Group("g", 1) + Plain("m", "g", 1, "ZERO", "carry_days: 7"),
              "measures[0].carry_days must be 0 unless the measure is carried"},
        Fault{"ZeroWeight", Group("g", 1) + Plain("m", "g", 0), "measures[0].weight must be greater than 0"},
        Fault{"NegativeGroupWeight", Group("g", -1) + Plain("m", "g", 1), "groups[0].weight must be greater than 0"},
        Fault{"UnknownGroup", Group("g", 1) + Plain("m", "g", 1) + Plain("n", "h", 1),
              "measures[1].group 'h' is not a group"},
        Fault{"EmptyGroup", Group("g", 1) + Group("h", 1) + Plain("m", "g", 1), "groups[1] has no measure"},
        Fault{"MeasureTwice", Group("g", 1) + Plain("m", "g", 1) + Plain("m", "g", 1),
              "measures[1].id 'm' stands twice"},
        Fault{"GroupTwice", Group("g", 1) + Group("g", 1) + Plain("m", "g", 1), "groups[1].id 'g' stands twice"},
        Fault{"BadId", Group("g", 1) + Plain("M x", "g", 1), "measures[0].id must be 1 to 64"},
        Fault{"NoMissingPolicy", Group("g", 1) + Plain("m", "g", 1, "UNSPECIFIED"), "measures[0].missing must say"},
        Fault{"NegativeAge", Group("g", 1) + Plain("m", "g", 1, "ZERO", "max_age_days: -1"),
              "max_age_days must not be negative"},
        Fault{"VariantWithoutFilter",
              Group("g", 1) + Plain("m", "g", 1, "ZERO", "variants { curve { tiers { tiers { } } } }"),
              "variants[0].filter is required"},
        Fault{"NoMeasures", Group("g", 1), "scorecards[0].measures must have at least one measure"},
        Fault{"NoGroups", Plain("m", "g", 1), "scorecards[0].groups must have at least one group"},
        Fault{"SyntaxError", Good() + "exceptions { id: 'e' filter: 'a > ' cap: 1 }", "exceptions[0].filter"},
        Fault{"FilterReadsTheScore", Good() + "exceptions { id: 'e' filter: 'health.score > 4' cap: 1 }",
              "exceptions[0].filter must not read 'health.score'"},
        Fault{"AppliesToReadsFlags", Good() + "applies_to: 'flags.open > 0'", "applies_to must not read 'flags.open'"},
        Fault{"NoEffect", Good() + "exceptions { id: 'e' filter: 'a > 1' }",
              "exceptions[0] must be one of floor, cap and set"},
        Fault{"EffectOutOfRange", Good() + "exceptions { id: 'e' filter: 'a > 1' cap: 101 }",
              "exceptions[0] must be between 0 and 100"},
        Fault{
            "Contradiction",
            Good() + "exceptions { id: 'e' filter: 'a > 1' cap: 40 } exceptions { id: 'f' filter: 'a > 1' floor: 60 }",
            "exceptions[1] contradicts an earlier exception"},
        Fault{"BandTwice", Good() + "bands { id: 'red' lower_bound: 0 }", "bands[1].id 'red' stands twice"},
        Fault{"BandsNotAscending", Good() + "bands { id: 'x' lower_bound: 0 } bands { id: 'y' lower_bound: 60 }",
              "bands[2].lower_bound must be greater than the one before"},
        Fault{"BandsNotFromZero", Good() + "bands { id: 'x' lower_bound: 5 }",
              "bands[0].lower_bound must be 0 for the lowest band"},
        Fault{"NobodyElse", Good() + "applies_to: 'a > 1'", "scorecards must end with one for all accounts"}));

TEST(ScorecardCheckTest, NamesAllFaultsAtOnce) {
  const absl::Status status = CheckScorecards(CardOf(Group("g", 0) + Plain("m", "h", -1)));
  EXPECT_THAT(std::string(status.message()), HasSubstr("groups[0].weight"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("measures[0].weight"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("measures[0].group"));
}

TEST(ScorecardCheckTest, AllowsFactsThatNobodyHasYet) {
  EXPECT_THAT(CheckScorecards(CardOf(Good() + "exceptions { id: 'e' filter: 'usage.unheard_of.sum_30d > 1' cap: 1 }")),
              IsOk());
}

TEST(ScorecardCheckTest, NamesLineAndColumnOfTextThatIsNoScorecard) {
  const auto set = ParseScorecards("scorecards {\n  idd: 'x'\n}");
  EXPECT_THAT(set, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(set.status().message()), HasSubstr("line 2"));
}

TEST(ScorecardCheckTest, AcceptsTheShippedScorecards) {
  const auto set = ParseScorecards(kDefaultScorecards);
  ASSERT_THAT(set, IsOk());
  EXPECT_THAT(CheckScorecards(*set), IsOk());
}

TEST(FlagRulesTest, AcceptsTheShippedRules) {
  const auto set = ParseFlagRules(kDefaultFlagRules);
  ASSERT_THAT(set, IsOk());
  EXPECT_THAT(FlagRules::Compile(*set), IsOk());
}

TEST(FlagRulesTest, NamesAllFaultsAtOnce) {
  v1::FlagRuleSet set;
  v1::FlagRule* rule = set.add_rules();
  rule->set_id("Bad id");
  rule->set_filter("flags.open > 1");
  rule->mutable_raise_after()->set_seconds(-1);
  rule->mutable_clear_after()->set_seconds(400 * 86400);
  const auto rules = FlagRules::Compile(set);
  ASSERT_THAT(rules, HasCode(absl::StatusCode::kInvalidArgument));
  for (const char* field :
       {"rules[0].id", "rules[0].filter must not read 'flags.open'", "rules[0].severity is required",
        "rules[0].category is required", "rules[0].raise_after", "rules[0].clear_after"}) {
    EXPECT_THAT(std::string(rules.status().message()), HasSubstr(field));
  }
}

TEST(FlagRulesTest, RefusesAnIdThatStandsTwice) {
  v1::FlagRuleSet set;
  for (int i = 0; i < 2; ++i) {
    v1::FlagRule* rule = set.add_rules();
    rule->set_id("same");
    rule->set_filter("a > 1");
    rule->set_severity(v1::FLAG_SEVERITY_LOW);
    rule->set_category(v1::FLAG_CATEGORY_RISK);
  }
  EXPECT_THAT(std::string(FlagRules::Compile(set).status().message()), HasSubstr("rules[1].id 'same' stands twice"));
}

}  // namespace
}  // namespace perennial::health
