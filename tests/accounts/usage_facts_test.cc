#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

class UsageFactsTest : public FactsTest {};

TEST_F(UsageFactsTest, WindowsAreWholeDaysThatEndWithToday) {
  const auto logins = Metric("logins");
  for (const int day : {0, 6, 7, 29, 30, 59, 60, 89}) Use(logins, day, 1);
  EXPECT_EQ(Fact("usage.logins.sum_7d"), "2");        // 0, 6
  EXPECT_EQ(Fact("usage.logins.sum_30d"), "4");       // 0, 6, 7, 29
  EXPECT_EQ(Fact("usage.logins.sum_prev_30d"), "2");  // 30, 59
  EXPECT_EQ(Fact("usage.logins.sum_90d"), "8");
  EXPECT_EQ(Fact("usage.logins.active_days_30d"), "4");
}

TEST_F(UsageFactsTest, ChangeComparesThirtyDaysWithTheThirtyBefore) {
  const auto logins = Metric("logins");
  Use(logins, 3, 30);
  Use(logins, 40, 40);
  EXPECT_EQ(Fact("usage.logins.change_30d"), "-0.25");
}

TEST_F(UsageFactsTest, ChangeFromNothingIsUnknown) {
  const auto logins = Metric("logins");
  Use(logins, 3, 30);
  EXPECT_EQ(Fact("usage.logins.sum_prev_30d"), "0");
  EXPECT_EQ(Fact("usage.logins.change_30d"), "unknown");
  EXPECT_EQ(Fact("usage.change_30d"), "unknown");
}

TEST_F(UsageFactsTest, ChangeToNothingIsMinusOne) {
  const auto logins = Metric("logins");
  Use(logins, 40, 40);
  EXPECT_EQ(Fact("usage.logins.change_30d"), "-1");
  EXPECT_EQ(Fact("usage.change_30d"), "-1");
}

TEST_F(UsageFactsTest, TotalChangeWeighsEveryMetricByTheAccountsOwnLevelOfIt) {
  // A million bytes must not drown ten log-ins: bytes 1,000,000 to 1,000,000, logins 10 to 5.
  const auto bytes = Metric("bytes");
  const auto logins = Metric("logins");
  Use(bytes, 5, 1e6);
  Use(bytes, 45, 1e6);
  Use(logins, 5, 5);
  Use(logins, 45, 10);
  // now 1/2 + 1/3, before 1/2 + 2/3: (5/6 - 7/6) / (7/6) = -2/7.
  EXPECT_EQ(Fact("usage.change_30d"), "-0.285714");
}

TEST_F(UsageFactsTest, AnAccountWhoseUseNobodyReportsHasNoUsageFacts) {
  Metric("logins");
  for (const char* name :
       {"usage.days_since_last", "usage.change_30d", "usage.breadth_30d", "usage.seat_utilisation_30d"}) {
    EXPECT_EQ(Fact(name), "unknown") << name;
  }
  EXPECT_EQ(Fact("usage.logins.sum_30d"), "no such fact");
}

TEST_F(UsageFactsTest, AMetricThatOthersUseIsZeroForAnAccountWithUse) {
  const auto logins = Metric("logins");
  Metric("exports");
  Use(logins, 0, 1);
  EXPECT_EQ(Fact("usage.exports.sum_30d"), "0");
  EXPECT_EQ(Fact("usage.exports.active_days_30d"), "0");
  EXPECT_EQ(Fact("usage.exports.days_since_last"), "unknown");
  EXPECT_EQ(Fact("usage.logins.days_since_last"), "0");
}

TEST_F(UsageFactsTest, LastUseIsRememberedBeyondTheWindows) {
  const auto logins = Metric("logins");
  const auto exports = Metric("exports");
  history_.last_use = {{logins, DayOf(now_) - 200}, {exports, DayOf(now_) - 120}};
  EXPECT_EQ(Fact("usage.logins.days_since_last"), "200");
  EXPECT_EQ(Fact("usage.days_since_last"), "120");
  EXPECT_EQ(Fact("usage.logins.sum_90d"), "0");
}

TEST_F(UsageFactsTest, AReportOfZeroIsNoUse) {
  const auto logins = Metric("logins");
  Use(logins, 12, 3);
  for (int day = 0; day < 12; ++day) Use(logins, day, 0);
  EXPECT_EQ(Fact("usage.logins.active_days_30d"), "1");
  EXPECT_EQ(Fact("usage.logins.days_since_last"), "12");
}

TEST_F(UsageFactsTest, OnlyReportsOfZeroAreKnownToBeNoUse) {
  const auto logins = Metric("logins");
  Use(logins, 1, 0);
  EXPECT_EQ(Fact("usage.logins.sum_30d"), "0");
  EXPECT_EQ(Fact("usage.breadth_30d"), "0");
  EXPECT_EQ(Fact("usage.days_since_last"), "unknown");
  EXPECT_EQ(Fact("silent"), "true");
}

TEST_F(UsageFactsTest, BreadthIsMetricsUsedOfThoseKnownThen) {
  const auto logins = Metric("logins");
  const auto exports = Metric("exports");
  Metric("shares");
  Metric("later");
  metrics_.back().first_time = now_ + absl::Microseconds(1);
  Use(logins, 0, 1);
  Use(exports, 30, 1);  // just outside the window
  EXPECT_EQ(Fact("usage.breadth_30d"), "0.333333");
  EXPECT_EQ(Fact("usage.later.sum_30d"), "no such fact");
  metrics_.back().first_time = now_;
  EXPECT_EQ(Fact("usage.breadth_30d"), "0.25");
}

TEST_F(UsageFactsTest, UsersCountOncePerMetricAndAreUnknownWhenNobodyWasEverNamed) {
  const auto logins = Metric("logins");
  const auto exports = Metric("exports");
  Use(logins, 0, 5);
  EXPECT_EQ(Fact("usage.logins.users_30d"), "unknown");
  for (const int day : {0, 1, 2}) User(logins, day, "ann");
  User(logins, 2, "bob");
  User(exports, 2, "bob");
  EXPECT_EQ(Fact("usage.logins.users_30d"), "2");
  EXPECT_EQ(Fact("usage.exports.users_30d"), "1");
}

TEST_F(UsageFactsTest, SeatUtilisationIsDistinctUsersOverSeatsOfActiveSubscriptions) {
  const auto logins = Metric("logins");
  const auto exports = Metric("exports");
  Use(logins, 0, 5);
  Subscribe("a", Ago(100), 10, {.seats = 3});
  Subscribe("b", Ago(100), 10, {.seats = 5});
  Subscribe("over", Ago(100), 10, {.seats = 100, .end = Ago(1)});
  EXPECT_EQ(Fact("usage.seat_utilisation_30d"), "unknown");
  User(logins, 0, "ann");
  User(exports, 0, "ann");
  User(exports, 0, "bob");
  EXPECT_EQ(Fact("usage.seat_utilisation_30d"), "0.25");
}

TEST_F(UsageFactsTest, SeatUtilisationWithoutSeatsIsUnknown) {
  const auto logins = Metric("logins");
  Use(logins, 0, 5);
  User(logins, 0, "ann");
  EXPECT_EQ(Fact("usage.seat_utilisation_30d"), "unknown");
  Subscribe("a", Ago(100), 10, {.seats = 0});
  EXPECT_EQ(Fact("usage.seat_utilisation_30d"), "unknown");
}

// silent: falling or no use, and no ticket and no inbound touch in 90 days.

TEST_F(UsageFactsTest, SilenceIsUnknownWhenNoUseWasEverReported) { EXPECT_EQ(Fact("silent"), "unknown"); }

TEST_F(UsageFactsTest, SteadyUseIsNotSilence) {
  const auto logins = Metric("logins");
  Use(logins, 3, 91);
  Use(logins, 40, 100);
  EXPECT_EQ(Fact("silent"), "false");
}

TEST_F(UsageFactsTest, UseThatFellByTenPercentWithoutAWordIsSilence) {
  const auto logins = Metric("logins");
  Use(logins, 3, 45);
  Use(logins, 40, 50);
  EXPECT_EQ(Fact("silent"), "true");
}

TEST_F(UsageFactsTest, NoUseInThirtyDaysWithoutAWordIsSilence) {
  const auto logins = Metric("logins");
  Use(logins, 80, 1);
  EXPECT_EQ(Fact("usage.change_30d"), "unknown");
  EXPECT_EQ(Fact("silent"), "true");
}

TEST_F(UsageFactsTest, ATicketOrAnInboundTouchInNinetyDaysBreaksSilenceAndAnOutboundOneDoesNot) {
  const auto logins = Metric("logins");
  Use(logins, 80, 1);
  history_.touchpoints = {{Ago(5), false}};
  EXPECT_EQ(Fact("silent"), "true");
  history_.touchpoints = {{Ago(90), true}};
  EXPECT_EQ(Fact("silent"), "true");
  history_.touchpoints = {{At("2024-04-02T00:00:00Z"), true}};  // the first moment of the 90 days
  EXPECT_EQ(Fact("silent"), "false");
  history_.touchpoints.clear();
  history_.tickets = {{.opened = Ago(89), .updated = Ago(89)}};
  EXPECT_EQ(Fact("silent"), "false");
}

}  // namespace
}  // namespace perennial::accounts::testing
