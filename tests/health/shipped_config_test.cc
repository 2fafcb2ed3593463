// What the shipped scorecards and rules say of typical accounts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "health-svc/default_config.h"
#include "health-svc/rules/flag_rules.h"
#include "tests/health/scorecards_for_tests.h"

namespace perennial::health {
namespace {

using std::string_literals::operator""s;

// A customer of two years, of which everything is known and good.
FactMap Healthy() {
  return {{"phase", "SUCCESS"s},
          {"tenure_days", 730.0},
          {"is_trial", false},
          {"silent", false},
          {"renewal_days", 200.0},
          {"usage.change_30d", 0.1},
          {"usage.days_since_last", 0.0},
          {"usage.breadth_30d", 0.7},
          {"usage.seat_utilisation_30d", 0.8},
          {"nps.latest", 9.0},
          {"nps.days_since", 40.0},
          {"csat.avg_90d", 4.6},
          {"pulse.latest", 90.0},
          {"pulse.days_since", 10.0},
          {"support.on_time_rate_90d", 0.98},
          {"support.resolution_hours_90d", 10.0},
          {"support.open_urgent", 0.0},
          {"support.unanswered_urgent", 0.0},
          {"touch.days_since_last", 12.0},
          {"touch.engaged_first_90d", true}};
}

FactMap With(FactMap facts, const FactMap& changes) {
  for (const auto& [name, value] : changes) facts[name] = value;
  return facts;
}

class ShippedConfigTest : public ::testing::Test {
 protected:
  ShippedConfigTest() {
    facts_.Id("nps.latest", facts::FactType::kNumber, "nps.days_since");
    facts_.Id("pulse.latest", facts::FactType::kNumber, "pulse.days_since");
    for (const char* name : {"churn.days_since_report", "onboarding.days", "onboarding.progress",
                             "onboarding.first_value_days", "trial_days_left"}) {
      facts_.Id(name, facts::FactType::kNumber);
    }
    facts_.Id("goals.progress", facts::FactType::kNumber);
    facts_.Id("goals.overdue", facts::FactType::kNumber);
    tags_ = facts_.Id("tags", facts::FactType::kStringSet);
    (void)facts_.Row(Healthy());
    facts_.Id("health.band", facts::FactType::kString);
    scorecards_ = Compiled(*ParseScorecards(kDefaultScorecards), facts_.catalogue());
    rules_ = *FlagRules::Compile(*ParseFlagRules(kDefaultFlagRules));
    (void)rules_.Resolve(facts_.catalogue());
  }
  std::string Band(const FactMap& facts) {
    const Evaluation evaluation = scorecards_.Evaluate(facts_.Row(facts), AnyTime());
    return evaluation.score.has_value() ? evaluation.scorecard->BandOf(*evaluation.score) : "unknown";
  }
  std::vector<std::string> Raised(const FactMap& facts) {
    const facts::FactRow row = facts_.Row(facts);
    std::vector<std::string> raised;
    for (const CompiledFlagRule& rule : rules_.all()) {
      EXPECT_TRUE(rule.filter.usable()) << rule.config.id();
      if (rule.filter.Selects(row, AnyTime())) raised.push_back(rule.config.id());
    }
    return raised;
  }

  // What scores an account with a tag, and its band.
  std::string Tagged(const std::string& tag, const FactMap& facts) {
    facts::FactRow row = facts_.Row(facts);
    row.SetSet(tags_, {tag});
    const Evaluation evaluation = scorecards_.Evaluate(row, AnyTime());
    return evaluation.scorecard->config().id() + " " +
           (evaluation.score.has_value() ? evaluation.scorecard->BandOf(*evaluation.score) : "unknown");
  }

  RuleFacts facts_;
  facts::FactId tags_ = 0;
  Scorecards scorecards_;
  FlagRules rules_;
};

TEST_F(ShippedConfigTest, ScoresTechTouchCustomersWithoutAskingForContact) {
  const FactMap uncalled = With(Healthy(), {{"touch.days_since_last", 400.0}});
  EXPECT_EQ(Tagged("tech-touch", uncalled), "tech-touch green");
  EXPECT_EQ(Tagged("tech-touch", With(uncalled, {{"usage.days_since_last", 21.0}, {"usage.change_30d", -0.6}})),
            "tech-touch red");
}

TEST_F(ShippedConfigTest, ScoresEnterpriseCustomersByTheirGoalsAndTheirContact) {
  const FactMap good = With(Healthy(), {{"goals.progress", 0.8}, {"goals.overdue", 0.0}});
  EXPECT_EQ(Tagged("enterprise", good), "enterprise green");
  EXPECT_EQ(Tagged("enterprise", With(good, {{"goals.overdue", 1.0}})), "enterprise yellow");
  EXPECT_EQ(Tagged("enterprise",
                   With(good, {{"touch.days_since_last", 90.0}, {"pulse.latest", 20.0}, {"goals.progress", 0.0}})),
            "enterprise yellow");
}

TEST_F(ShippedConfigTest, CallsAGoodCustomerGreenAndRaisesNothing) {
  EXPECT_EQ(Band(Healthy()), "green");
  EXPECT_THAT(Raised(With(Healthy(), {{"health.band", "green"s}})), ::testing::IsEmpty());
}

TEST_F(ShippedConfigTest, IsNeverGreenWithAnUrgentTicketOrInSilence) {
  EXPECT_EQ(Band(With(Healthy(), {{"support.open_urgent", 1.0}})), "yellow");
  EXPECT_EQ(Band(With(Healthy(), {{"silent", true}})), "yellow");
  EXPECT_EQ(Band(With(Healthy(), {{"support.unanswered_urgent", 1.0}})), "red");
  EXPECT_EQ(Band(With(Healthy(), {{"churn.days_since_report", 5.0}})), "red");
}

TEST_F(ShippedConfigTest, KnowsNothingOfAnAccountWithoutEvidence) {
  const FactMap nothing = {{"phase", "ADOPTION"s}, {"support.open_urgent", 0.0}, {"support.unanswered_urgent", 0.0}};
  EXPECT_EQ(Band(nothing), "unknown");
}

TEST_F(ShippedConfigTest, DoesNotScoreALapsedTrial) {
  EXPECT_EQ(Band({{"phase", "TRIAL"s}, {"is_trial", false}, {"touch.days_since_last", 400.0}}), "unknown");
  EXPECT_EQ(Band({{"phase", "TRIAL"s}, {"is_trial", true}, {"touch.days_since_last", 3.0}, {"trial_days_left", 9.0}}),
            "green");
}

TEST_F(ShippedConfigTest, JudgesSeatsInUseByTenure) {
  const FactMap forty_percent = {{"phase", "ADOPTION"s}, {"usage.seat_utilisation_30d", 0.4}};
  EXPECT_EQ(Band(With(forty_percent, {{"tenure_days", 45.0}})), "green");
  EXPECT_EQ(Band(With(forty_percent, {{"tenure_days", 240.0}})), "red");
}

TEST_F(ShippedConfigTest, RaisesEachRuleForItsAccount) {
  using ::testing::ElementsAre;
  EXPECT_THAT(Raised(With(Healthy(), {{"usage.change_30d", -0.3}})), ElementsAre("usage-falling"));
  EXPECT_THAT(Raised(With(Healthy(), {{"touch.engaged_first_90d", false}, {"tenure_days", 100.0}})),
              ElementsAre("no-engagement-first-90-days"));
  EXPECT_THAT(Raised(With(Healthy(), {{"support.unanswered_urgent", 1.0}})), ElementsAre("unanswered-urgent-ticket"));
  EXPECT_THAT(Raised(With(Healthy(), {{"nps.latest", 6.0}})), ElementsAre("detractor"));
  EXPECT_THAT(Raised(With(Healthy(), {{"renewal_days", 90.0}, {"health.band", "yellow"s}})),
              ElementsAre("renewal-near-while-not-green"));
  EXPECT_THAT(Raised(With(Healthy(), {{"silent", true}})), ElementsAre("silent-account"));
  EXPECT_THAT(Raised(With(Healthy(), {{"usage.seat_utilisation_30d", 0.95}})), ElementsAre("seats-filling-up"));
  EXPECT_THAT(Raised(With(Healthy(), {{"phase", "TRIAL"s}, {"is_trial", true}, {"trial_days_left", 7.0}})),
              ElementsAre("trial-ending"));
}

TEST_F(ShippedConfigTest, RaisesNoUsageFlagOnAChurnedAccountButOnOneWithoutSubscription) {
  EXPECT_THAT(Raised(With(Healthy(), {{"usage.change_30d", -0.5}, {"phase", "CHURNED"s}})), ::testing::IsEmpty());
  FactMap no_phase = With(Healthy(), {{"usage.change_30d", -0.5}});
  no_phase.erase("phase");
  EXPECT_THAT(Raised(no_phase), ::testing::ElementsAre("usage-falling"));
}

}  // namespace
}  // namespace perennial::health
