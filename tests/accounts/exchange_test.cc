// Rates, rounding, and which rate a price counts at.
#include "accounts-svc/facts/exchange.h"

#include <random>

#include "accounts-svc/facts/revenue.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

absl::Time Day(int day) { return absl::UnixEpoch() + absl::Hours(24) * day; }

TEST(ExchangeTest, ReadsRatesExactly) {
  EXPECT_EQ(ParseRate("1").value_or(-1), 1'000'000'000);
  EXPECT_EQ(ParseRate("1.0842").value_or(-1), 1'084'200'000);
  EXPECT_EQ(ParseRate("0.000000001").value_or(-1), 1);
  EXPECT_EQ(ParseRate("1000000000").value_or(-1), 1'000'000'000'000'000'000);
}

TEST(ExchangeTest, RefusesWhatIsNoRate) {
  for (const char* text : {"", "0", "0.0", "-1", "+1", "1,5", "1.", ".5", "1.0000000001", "1000000000.000000001",
                           "10000000000", "99999999999", "1e3", "1.2.3", " 1", "abc"}) {
    EXPECT_FALSE(ParseRate(text).ok()) << text;
  }
}

TEST(ExchangeTest, WritesTheShortestTextThatMeansTheRate) {
  for (const char* text : {"1", "1.0842", "0.000000001", "1000000000", "149.5"}) {
    EXPECT_EQ(FormatRate(ParseRate(text).value_or(0)), text);
  }
}

TEST(ExchangeTest, RoundsHalfToEven) {
  const std::int64_t half = 500'000'000;
  EXPECT_EQ(Convert(1, half), 0);
  EXPECT_EQ(Convert(3, half), 2);
  EXPECT_EQ(Convert(5, half), 2);
  EXPECT_EQ(Convert(7, half), 4);
  EXPECT_EQ(Convert(1, half + 1), 1);
  EXPECT_EQ(Convert(3, half - 1), 1);
  EXPECT_EQ(Convert(1'000'000, 1'084'200'000), 1'084'200);
}

TEST(ExchangeTest, NonsenseStaysWithinBounds) {
  EXPECT_EQ(Convert(999'999'999'999'000'000, 1'000'000'000'000'000'000), 1'000'000'000'000'000'000);
}

SubscriptionVersion Version(int effective, Micros mrr, const std::string& currency, std::int64_t rate) {
  return {"s", Day(0), Day(effective), {.plan = "p", .mrr = mrr, .currency = currency}, rate};
}

TEST(ExchangeTest, APriceCountsAtTheRateOfTheMomentWhenItTookEffect) {
  std::vector<SubscriptionVersion> versions = {Version(0, 100, "EUR", kRateOfOne * 2),
                                               Version(5, 110, "EUR", kRateOfOne * 3), Version(9, 50, "", kRateOfOne)};
  CountInReportingCurrency(versions);
  EXPECT_EQ(versions[0].state.mrr, 200);
  EXPECT_EQ(versions[1].state.mrr, 330);
  EXPECT_EQ(versions[2].state.mrr, 50);
  EXPECT_EQ(versions[1].state.currency, "");
}

TEST(ExchangeTest, AChangeThatLeavesThePriceAsItIsMovesNoRevenue) {
  std::vector<SubscriptionVersion> versions = {Version(0, 100, "EUR", kRateOfOne * 2),
                                               Version(5, 100, "EUR", kRateOfOne * 3),
                                               Version(9, 100, "EUR", kRateOfOne * 4)};
  versions[1].state.seats = 7;
  CountInReportingCurrency(versions);
  EXPECT_EQ(versions[1].state.mrr, 200);
  EXPECT_EQ(versions[2].state.mrr, 200);
}

TEST(ExchangeTest, ATrialThatIsBoughtCountsAtTheRateOfThen) {
  std::vector<SubscriptionVersion> versions = {Version(0, 100, "EUR", kRateOfOne * 2),
                                               Version(5, 100, "EUR", kRateOfOne * 3)};
  versions[0].state.trial = true;
  CountInReportingCurrency(versions);
  EXPECT_EQ(versions[1].state.mrr, 300);
}

TEST(ExchangeTest, AnotherSubscriptionHasARateOfItsOwn) {
  std::vector<SubscriptionVersion> versions = {Version(0, 100, "EUR", kRateOfOne * 2),
                                               Version(5, 100, "EUR", kRateOfOne * 3)};
  versions[1].id = "t";
  CountInReportingCurrency(versions);
  EXPECT_EQ(versions[1].state.mrr, 300);
}

// Whatever the prices and rates, the ledger of any moment adds up to what is paid then, and is a prefix of the later
// one.
TEST(ExchangeTest, MovementsAddUpInAnyCurrency) {
  std::mt19937 random(5);
  const auto upTo = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
  for (int i = 0; i < 300; ++i) {
    std::vector<SubscriptionVersion> versions;
    for (int day = 0; day < 40; day += 1 + upTo(10)) {
      versions.push_back(Version(day, upTo(3) * 333'333, upTo(2) == 0 ? "" : "EUR", 0));
      versions.back().rate = versions.back().state.currency.empty() ? kRateOfOne : 1 + upTo(2'000'000'000);
    }
    CountInReportingCurrency(versions);
    const auto whole = MovementsOf(MrrTimeline(versions, Day(50)));
    for (int day = 0; day <= 50; ++day) {
      Micros sum = 0;
      for (const Movement& movement : whole) sum += movement.time <= Day(day) ? movement.amount : 0;
      Micros paid = 0;
      for (const SubscriptionVersion& version : ActiveAt(versions, Day(day))) paid += version.state.mrr;
      ASSERT_EQ(sum, paid) << "day " << day;
    }
  }
}

}  // namespace
}  // namespace perennial::accounts::testing
