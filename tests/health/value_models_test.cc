#include "health-svc/value_models.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/time_util.h"
#include "health-svc/value_ledger.h"

namespace perennial::health {
namespace {

namespace accounts_v1 = perennial::accounts::v1;

constexpr double kDaysOfMonth = 365.25 / 12;

// Fader & Hardie (2007), High End, seven renewals.
value::RetentionModel HighEnd() { return {.alpha = 0.668088, .beta = 3.806095}; }

TEST(RetentionTableTest, HasTheDiscountedResidualLifetimesOfFaderAndHardie) {
  // Yearly renewals, 10 % a year: Fader & Hardie (2010), n = 1 to 8.
  const RetentionTable table(HighEnd(), 12, 0.1);
  const double derl[] = {5.4145, 5.9014, 6.2939, 6.6199, 6.8967, 7.1357, 7.3447, 7.5296};
  for (int n = 1; n <= 8; ++n) {
    EXPECT_NEAR(table.Of((n - 1) * 365.25 + 1).discounted_months / 12, derl[n - 1], 1e-4) << n;
  }
}

TEST(RetentionTableTest, IsTheSeriesForAnyTenureAndFamily) {
  const value::RetentionModel weibull{
      .family = value::RetentionFamily::kBetaDiscreteWeibull, .alpha = 0.26, .beta = 1.72, .c = 1.58};
  for (const value::RetentionModel& model : {HighEnd(), weibull}) {
    const RetentionTable table(model, 1, 0.1);
    const double rate = std::pow(1.1, 1.0 / 12) - 1;
    for (const int renewals : {0, 1, 17, 119, 599}) {
      const RetentionTable::Worth& worth = table.Of((renewals + 0.5) * kDaysOfMonth);
      EXPECT_NEAR(worth.discounted_months, value::DerlBySeries(model, renewals + 1, rate),
                  1e-6 * worth.discounted_months);
      EXPECT_NEAR(worth.churn_12m, 1 - model.Survival(renewals + 12) / model.Survival(renewals), 1e-12);
      double lifetime = 0;
      for (int t = 1; t <= 1200; ++t) lifetime += model.Survival(renewals + t) / model.Survival(renewals);
      EXPECT_NEAR(worth.lifetime_months, lifetime, 1e-6 * lifetime);
    }
  }
}

TEST(RetentionTableTest, IsFiniteForExtremeParametersAndTenures) {
  for (const double alpha : {1e-6, 1.0, 1e6}) {
    for (const double beta : {1e-6, 1.0, 1e6}) {
      for (const double c : {0.01, 1.0, 30.0, 1e6}) {
        const auto family =
            c == 1 ? value::RetentionFamily::kShiftedBetaGeometric : value::RetentionFamily::kBetaDiscreteWeibull;
        const RetentionTable table({.family = family, .alpha = alpha, .beta = beta, .c = c}, 12, 0.1);
        for (const double days : {-5.0, 0.0, 400.0, 1e9}) {
          const RetentionTable::Worth& worth = table.Of(days);
          EXPECT_TRUE(std::isfinite(worth.churn_12m) && worth.churn_12m >= 0 && worth.churn_12m <= 1);
          EXPECT_TRUE(std::isfinite(worth.lifetime_months) && worth.lifetime_months >= 0);
          EXPECT_TRUE(std::isfinite(worth.discounted_months) && worth.discounted_months >= 0);
        }
      }
    }
  }
}

TEST(ConstantRateTest, IsTheMarginMultipleOfGuptaLehmannAndStuart) {
  // r / (1 + i - r) with monthly retention r and discount i.
  const double r = std::pow(0.7, 1.0 / 12);
  const double i = std::pow(1.1, 1.0 / 12) - 1;
  const RetentionTable::Worth worth = WorthAtConstantRate(0.3, 0.1);
  EXPECT_NEAR(worth.discounted_months, r / (1 + i - r), 1e-12);
  EXPECT_NEAR(worth.lifetime_months, r / (1 - r), 1e-6);
  EXPECT_EQ(worth.churn_12m, 0.3);
}

TEST(ConstantRateTest, HasBoundsAtTheEnds) {
  EXPECT_EQ(WorthAtConstantRate(1, 0.1).lifetime_months, 0);
  EXPECT_EQ(WorthAtConstantRate(1, 0.1).discounted_months, 0);
  EXPECT_EQ(WorthAtConstantRate(0, 0.1).lifetime_months, 1200);
  EXPECT_NEAR(WorthAtConstantRate(0, 0.1).discounted_months, 1 / (std::pow(1.1, 1.0 / 12) - 1), 1e-9);
}

absl::Time Day(int year, int month, int day) {
  return absl::FromCivil(absl::CivilDay(year, month, day), absl::UTCTimeZone());
}

void Add(accounts_v1::MovementKind kind, absl::Time time, accounts_v1::AccountLedger& ledger) {
  accounts_v1::RevenueMovement* movement = ledger.add_movements();
  movement->set_kind(kind);
  *movement->mutable_effective_time() = ToTimestamp(time);
}

TEST(RelationshipTest, BeginsAgainWithAReactivationAndKnowsNothingOfTheFuture) {
  accounts_v1::AccountLedger ledger;
  Add(accounts_v1::MOVEMENT_KIND_NEW, Day(2023, 1, 15), ledger);
  Add(accounts_v1::MOVEMENT_KIND_EXPANSION, Day(2023, 3, 1), ledger);
  Add(accounts_v1::MOVEMENT_KIND_CHURN, Day(2023, 6, 15), ledger);
  Add(accounts_v1::MOVEMENT_KIND_REACTIVATION, Day(2023, 9, 1), ledger);
  Add(accounts_v1::MOVEMENT_KIND_CHURN, Day(2024, 2, 1), ledger);
  const auto all = RelationshipsOf(ledger, Day(2024, 6, 1));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].end, Day(2023, 6, 15));
  EXPECT_EQ(all[1].start, Day(2023, 9, 1));
  const auto before = RelationshipsOf(ledger, Day(2024, 1, 1));
  ASSERT_EQ(before.size(), 2u);
  EXPECT_FALSE(before[1].end.has_value());
}

TEST(RelationshipTest, CountsRenewalsByCalendarMonths) {
  const auto of = [](absl::Time start, std::optional<absl::Time> end, int months = 1) {
    return CustomerOf({.start = start, .end = end}, months, Day(2024, 1, 31));
  };
  // Left at the fifth renewal, which so was not made.
  EXPECT_EQ(of(Day(2023, 1, 15), Day(2023, 6, 15)).renewals, 4);
  EXPECT_TRUE(of(Day(2023, 1, 15), Day(2023, 6, 15)).lost);
  // Left in the middle of a month: the renewal before was made.
  EXPECT_EQ(of(Day(2023, 1, 15), Day(2023, 6, 20)).renewals, 5);
  // Month ends are renewals of the 31st.
  EXPECT_EQ(of(Day(2023, 1, 31), Day(2023, 2, 28)).renewals, 0);
  EXPECT_EQ(of(Day(2023, 12, 31), std::nullopt).renewals, 1);
  EXPECT_FALSE(of(Day(2023, 12, 31), std::nullopt).lost);
  EXPECT_EQ(of(Day(2022, 1, 31), std::nullopt, 12).renewals, 2);
  EXPECT_EQ(of(Day(2024, 1, 31), Day(2024, 1, 31)).renewals, 0);
}

TEST(PurchasesTest, CountsDaysUpToTheEnd) {
  accounts_v1::AccountDailyUsage usage;
  for (const int day : {100, 110, 130, 400}) {
    usage.add_days(day);
    usage.add_values(day);
  }
  const auto bought = BoughtBy(usage, 200);
  ASSERT_TRUE(bought.has_value());
  EXPECT_EQ(bought->first_day, 100);
  EXPECT_EQ(bought->last_day, 130);
  EXPECT_EQ(bought->repeats, 2);
  EXPECT_EQ(bought->mean_value, 120);
  EXPECT_FALSE(BoughtBy(usage, 99).has_value());
}

TEST(TermTest, IsReadBackFromItsName) {
  for (const ChurnTerm& term :
       {ChurnTerm{.fact = "mrr"}, ChurnTerm{.fact = "nps.latest", .kind = ChurnTerm::Kind::kUnknown},
        ChurnTerm{.fact = "plan", .kind = ChurnTerm::Kind::kText, .value = "a=b?"}}) {
    EXPECT_EQ(ParseTerm(NameOfTerm(term)), term) << NameOfTerm(term);
  }
}

TEST(TermTest, KnowsWhatTellsTheOutcome) {
  for (const char* fact :
       {"phase", "phase_days", "name", "owner", "health.score", "value.clv", "attributes.churn_flag"}) {
    EXPECT_TRUE(TellsOutcome(fact)) << fact;
  }
  for (const char* fact : {"mrr", "tenure_days", "attributes.contract", "usage.days_since_last"}) {
    EXPECT_FALSE(TellsOutcome(fact)) << fact;
  }
}

}  // namespace
}  // namespace perennial::health
