#include "absl/strings/str_cat.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

class AccountFactsTest : public FactsTest {};

TEST_F(AccountFactsTest, TellWhatTheClientSaid) {
  history_.state.owner = "ann@example.com";
  history_.state.parent = "holding";
  history_.state.tags = {"vip", "beta"};
  EXPECT_EQ(Fact("name"), "Acme");
  EXPECT_EQ(Fact("owner"), "ann@example.com");
  EXPECT_EQ(Fact("parent"), "holding");
  EXPECT_EQ(Fact("tags"), "{beta, vip}");
}

TEST_F(AccountFactsTest, AnOwnerOrParentThatIsNotThereIsUnknownButNoTagsAreAKnownEmptySet) {
  EXPECT_EQ(Fact("owner"), "unknown");
  EXPECT_EQ(Fact("parent"), "unknown");
  EXPECT_EQ(Fact("tags"), "{}");
}

TEST_F(AccountFactsTest, TenureCountsUtcDaysAndNotTwentyFourHours) {
  history_.customer_since = At("2024-06-28T23:59:59Z");
  now_ = At("2024-06-30T00:00:00Z");
  EXPECT_EQ(Fact("tenure_days"), "2");
}

TEST_F(AccountFactsTest, AttributesOfEveryTypeBecomeFacts) {
  history_.state.attributes = {{"industry", std::string("retail")},
                               {"employees", 250.0},
                               {"regulated", true},
                               {"signed", At("2023-05-06T07:08:09Z")},
                               {"note", std::string()}};
  EXPECT_EQ(Fact("attributes.industry"), "retail");
  EXPECT_EQ(Fact("attributes.employees"), "250");
  EXPECT_EQ(Fact("attributes.regulated"), "true");
  EXPECT_EQ(Fact("attributes.signed"), "2023-05-06T07:08:09+00:00");
  EXPECT_EQ(Fact("attributes.note"), "");
}

TEST_F(AccountFactsTest, AnAttributeOfAnotherTypeThanElsewhereIsRefused) {
  ASSERT_TRUE(numbering_.ForAttribute("size", facts::FactType::kNumber).ok());
  history_.state.attributes = {{"size", std::string("large")}};
  EXPECT_EQ(ComputeFacts(history_, metrics_, now_, numbering_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(AccountFactsTest, TheCatalogueHasEveryFactOfTheContracts) {
  const char* const kNames[] = {"name",
                                "owner",
                                "tags",
                                "parent",
                                "tenure_days",
                                "phase",
                                "phase_days",
                                "plan",
                                "mrr",
                                "arr",
                                "seats",
                                "is_trial",
                                "trial_days_left",
                                "renewal_days",
                                "auto_renew",
                                "revenue.start_30d",
                                "revenue.new_30d",
                                "revenue.expansion_90d",
                                "revenue.contraction_365d",
                                "revenue.churned_90d",
                                "revenue.reactivated_365d",
                                "usage.days_since_last",
                                "usage.change_30d",
                                "usage.breadth_30d",
                                "usage.seat_utilisation_30d",
                                "touch.days_since_last",
                                "touch.count_30d",
                                "touch.count_90d",
                                "touch.inbound_90d",
                                "touch.engaged_first_90d",
                                "support.open",
                                "support.open_urgent",
                                "support.opened_30d",
                                "support.opened_90d",
                                "support.first_response_hours_90d",
                                "support.resolution_hours_90d",
                                "support.on_time_rate_90d",
                                "support.days_since_last",
                                "nps.latest",
                                "nps.days_since",
                                "csat.avg_90d",
                                "csat.count_90d",
                                "pulse.latest",
                                "pulse.days_since",
                                "onboarding.progress",
                                "onboarding.days",
                                "onboarding.first_value_days",
                                "silent"};
  for (const char* name : kNames) EXPECT_NE(Fact(name), "no such fact") << name;
}

TEST_F(AccountFactsTest, EveryDefinitionHasAMeaningAndAnAgeFactThatExists) {
  std::vector<facts::FactDefinition> all = FixedFactDefinitions("EUR");
  for (const auto& definition : MetricFactDefinitions("logins")) all.push_back(definition);
  for (const auto& definition : all) {
    EXPECT_FALSE(definition.meaning.empty()) << definition.name;
    const bool found = definition.age_fact.empty() || std::any_of(all.begin(), all.end(), [&](const auto& other) {
                         return other.name == definition.age_fact;
                       });
    EXPECT_TRUE(found) << definition.name;
  }
}

TEST_F(AccountFactsTest, TheNumberOfAttributesIsBounded) {
  for (std::size_t i = 0; i < kMostAttributes; ++i) {
    ASSERT_TRUE(numbering_.ForAttribute(absl::StrCat("a", i), facts::FactType::kNumber).ok());
  }
  EXPECT_FALSE(numbering_.ForAttribute("one_more", facts::FactType::kNumber).ok());
  EXPECT_FALSE(numbering_.CheckAttribute("one_more", facts::FactType::kNumber).ok());
  EXPECT_TRUE(numbering_.ForAttribute("a7", facts::FactType::kNumber).ok());
}

}  // namespace
}  // namespace perennial::accounts::testing
