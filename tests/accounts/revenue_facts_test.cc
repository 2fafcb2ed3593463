#include "absl/strings/str_cat.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

class RevenueFactsTest : public FactsTest {
 protected:
  // Adds a later state of the subscription that was added last.
  void Then(absl::Time effective, double mrr, SubscriptionState state = {}) {
    const SubscriptionVersion last = history_.subscriptions.back();
    state.mrr = MicrosOfNumber(mrr);
    if (state.plan.empty()) state.plan = last.state.plan;
    history_.subscriptions.push_back({last.id, last.start, effective, state});
  }
  // The ledger as text: kind and amount, oldest first.
  std::string Ledger() {
    const char* const kNames[] = {"", "new", "expansion", "contraction", "churn", "reactivation"};
    std::string text;
    for (const Movement& movement : MovementsOf(MrrTimeline(history_.subscriptions, now_))) {
      if (!text.empty()) text += ", ";
      absl::StrAppend(&text, kNames[static_cast<int>(movement.kind)], " ", FormatAmount(movement.amount));
    }
    return text;
  }
};

TEST_F(RevenueFactsTest, AnAccountThatNeverHadASubscriptionHasUnknownRevenue) {
  for (const char* name :
       {"mrr", "arr", "seats", "plan", "is_trial", "auto_renew", "revenue.start_30d", "revenue.new_365d"}) {
    EXPECT_EQ(Fact(name), "unknown") << name;
  }
}

TEST_F(RevenueFactsTest, AnAccountWhoseSubscriptionsHaveEndedHasZeroRevenue) {
  Subscribe("pro", Ago(100), 50, {.seats = 4, .end = Ago(10)});
  EXPECT_EQ(Fact("mrr"), "0");
  EXPECT_EQ(Fact("arr"), "0");
  EXPECT_EQ(Fact("seats"), "0");
  EXPECT_EQ(Fact("plan"), "unknown");
  EXPECT_EQ(Fact("is_trial"), "false");
}

TEST_F(RevenueFactsTest, ActiveSubscriptionsAddUpAndTheDearestGivesThePlan) {
  Subscribe("a", Ago(100), 100.5, {.plan = "basic", .seats = 3});
  Subscribe("b", Ago(50), 200, {.plan = "pro", .seats = 7});
  EXPECT_EQ(Fact("mrr"), "300.5");
  EXPECT_EQ(Fact("arr"), "3606");
  EXPECT_EQ(Fact("seats"), "10");
  EXPECT_EQ(Fact("plan"), "pro");
}

TEST_F(RevenueFactsTest, ATrialCountsNoRevenueAndDoesNotHideThePaidPlan) {
  Subscribe("a", Ago(100), 100, {.plan = "basic"});
  Subscribe("b", Ago(5), 900, {.plan = "platinum", .trial = true, .trial_end = Ago(-9)});
  EXPECT_EQ(Fact("mrr"), "100");
  EXPECT_EQ(Fact("plan"), "basic");
  EXPECT_EQ(Fact("is_trial"), "false");
  EXPECT_EQ(Fact("trial_days_left"), "9");
}

TEST_F(RevenueFactsTest, OnlyATrialIsATrial) {
  Subscribe("b", Ago(5), 900, {.plan = "platinum", .trial = true, .trial_end = Ago(2)});
  EXPECT_EQ(Fact("mrr"), "0");
  EXPECT_EQ(Fact("is_trial"), "true");
  EXPECT_EQ(Fact("plan"), "platinum");
  EXPECT_EQ(Fact("trial_days_left"), "-2");  // over, and nobody has decided
}

TEST_F(RevenueFactsTest, TheEarliestRenewalOfAPaidSubscriptionCounts) {
  Subscribe("a", Ago(100), 100, {.renewal = Ago(-40)});
  Subscribe("b", Ago(100), 10, {.renewal = Ago(-7), .auto_renew = true});
  Subscribe("free", Ago(100), 0, {.renewal = Ago(-1)});
  Subscribe("over", Ago(100), 10, {.end = Ago(1), .renewal = Ago(-2)});
  EXPECT_EQ(Fact("renewal_days"), "7");
  EXPECT_EQ(Fact("auto_renew"), "true");
}

TEST_F(RevenueFactsTest, WithoutARenewalTimeItIsUnknownAndThePlansFlagCounts) {
  Subscribe("a", Ago(100), 100, {.auto_renew = true});
  EXPECT_EQ(Fact("renewal_days"), "unknown");
  EXPECT_EQ(Fact("auto_renew"), "true");
}

TEST_F(RevenueFactsTest, StartCountsAndEndDoesNot) {
  Subscribe("a", now_, 10);
  EXPECT_EQ(Fact("mrr"), "10");
  history_.subscriptions.clear();
  Subscribe("a", Ago(3), 10, {.end = now_});
  EXPECT_EQ(Fact("mrr"), "0");
  history_.subscriptions.back().state.end = now_ + absl::Microseconds(1);
  EXPECT_EQ(Fact("mrr"), "10");
}

TEST_F(RevenueFactsTest, WindowsSplitTheChangeOfRevenue) {
  Subscribe("a", Ago(300), 100);                   // new 100
  Then(Ago(80), 150);                              // expansion 50
  Then(Ago(20), 120);                              // contraction 30
  Subscribe("b", Ago(200), 40, {.end = Ago(60)});  // expansion 40, contraction 40
  EXPECT_EQ(Fact("revenue.start_30d"), "150");
  EXPECT_EQ(Fact("revenue.contraction_30d"), "30");
  EXPECT_EQ(Fact("revenue.expansion_30d"), "0");
  EXPECT_EQ(Fact("revenue.start_90d"), "140");
  EXPECT_EQ(Fact("revenue.expansion_90d"), "50");
  EXPECT_EQ(Fact("revenue.contraction_90d"), "70");
  EXPECT_EQ(Fact("revenue.start_365d"), "0");
  EXPECT_EQ(Fact("revenue.new_365d"), "100");
  EXPECT_EQ(Fact("revenue.expansion_365d"), "90");
  EXPECT_EQ(Fact("revenue.churned_365d"), "0");
}

TEST_F(RevenueFactsTest, ChurnAndReactivationArePositiveSums) {
  Subscribe("a", Ago(300), 100, {.end = Ago(80)});
  Subscribe("b", Ago(10), 60);
  EXPECT_EQ(Fact("revenue.start_90d"), "100");
  EXPECT_EQ(Fact("revenue.churned_90d"), "100");
  EXPECT_EQ(Fact("revenue.reactivated_90d"), "60");
  EXPECT_EQ(Fact("revenue.new_90d"), "0");
  EXPECT_EQ(Ledger(), "new 100, churn -100, reactivation 60");
}

TEST_F(RevenueFactsTest, AWindowBeginsWithItsFirstDay) {
  Subscribe("a", At("2024-06-01T00:00:00Z"), 10);  // the first moment of the 30 days
  EXPECT_EQ(Fact("revenue.start_30d"), "0");
  EXPECT_EQ(Fact("revenue.new_30d"), "10");
  history_.subscriptions.clear();
  Subscribe("a", At("2024-05-31T23:59:59Z"), 10);
  EXPECT_EQ(Fact("revenue.start_30d"), "10");
  EXPECT_EQ(Fact("revenue.new_30d"), "0");
}

TEST_F(RevenueFactsTest, APlanSwappedForAnotherAtTheSameMomentIsTheDifference) {
  Subscribe("a", Ago(100), 100, {.end = Ago(50)});
  Subscribe("b", Ago(50), 130);
  EXPECT_EQ(Ledger(), "new 100, expansion 30");
}

TEST_F(RevenueFactsTest, ASwapForTheSamePriceIsNoMovement) {
  Subscribe("a", Ago(100), 100, {.end = Ago(50)});
  Subscribe("b", Ago(50), 100);
  EXPECT_EQ(Ledger(), "new 100");
}

TEST_F(RevenueFactsTest, ATrialThatIsBoughtIsNewRevenueThen) {
  Subscribe("a", Ago(100), 100, {.trial = true});
  Then(Ago(86), 100);
  EXPECT_EQ(Ledger(), "new 100");
  EXPECT_EQ(MrrTimeline(history_.subscriptions, now_).front().time, Ago(86));
}

TEST_F(RevenueFactsTest, ASubscriptionThatEndsWhenItStartsCountsNothing) {
  Subscribe("a", Ago(100), 100, {.end = Ago(100)});
  EXPECT_EQ(Ledger(), "");
  EXPECT_EQ(Fact("mrr"), "0");
}

TEST_F(RevenueFactsTest, AnEndAheadCountsOnlyOnceItHasCome) {
  Subscribe("a", Ago(100), 100, {.end = Ago(-1)});
  EXPECT_EQ(Ledger(), "new 100");
  now_ += absl::Hours(24);
  EXPECT_EQ(Ledger(), "new 100, churn -100");
}

TEST_F(RevenueFactsTest, AnEndThatIsTakenBackBeforeItComesChangesNothing) {
  Subscribe("a", Ago(100), 100, {.end = Ago(10)});
  Then(Ago(20), 100);
  EXPECT_EQ(Ledger(), "new 100");
}

TEST_F(RevenueFactsTest, AnEndThatIsTakenBackAfterItCameIsAReactivation) {
  Subscribe("a", Ago(100), 100, {.end = Ago(30)});
  Then(Ago(20), 100);
  EXPECT_EQ(Ledger(), "new 100, churn -100, reactivation 100");
}

TEST_F(RevenueFactsTest, StatesFromBeforeTheStartCountFromTheStart) {
  history_.subscriptions = {{"a", Ago(10), Ago(30), {.plan = "a", .mrr = MicrosOfNumber(5)}},
                            {"a", Ago(10), Ago(20), {.plan = "a", .mrr = MicrosOfNumber(8)}}};
  EXPECT_EQ(Ledger(), "new 8");
  EXPECT_EQ(MrrTimeline(history_.subscriptions, now_).front().time, Ago(10));
}

TEST_F(RevenueFactsTest, RevenueBeyondAnyNumberIsBounded) {
  for (int i = 0; i < 30; ++i) Subscribe(absl::StrCat("s", i), Ago(100), 999'999'999'999);
  EXPECT_EQ(Compute().mrr.back().mrr, INT64_MAX);
}

}  // namespace
}  // namespace perennial::accounts::testing
