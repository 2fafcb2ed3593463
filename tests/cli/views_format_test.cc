// How values are written for people, and the state behind them.
#include <gmock/gmock.h>

#include <cmath>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

using testing::At;
using testing::Usd;

TEST(FormatMoney, GroupsThousandsAndKeepsEveryDigit) {
  EXPECT_EQ(FormatMoney(Usd("10159608")), "USD 10,159,608");
  EXPECT_EQ(FormatMoney(Usd("999")), "USD 999");
  EXPECT_EQ(FormatMoney(Usd("1000")), "USD 1,000");
  EXPECT_EQ(FormatMoney(Usd("-19.95")), "USD -19.95");
  EXPECT_EQ(FormatMoney(Usd("2786.5")), "USD 2,786.50") << "cents when not whole";
  EXPECT_EQ(FormatMoney(Usd("0.125")), "USD 0.125") << "never rounded";
  EXPECT_EQ(FormatBareMoney(Usd("1234567.89")), "1,234,567.89");
}

TEST(FormatMoney, RoundsMeansToCents) {
  EXPECT_EQ(FormatRoundedMoney(Usd("19186.384615")), "USD 19,186.38");
  EXPECT_EQ(FormatRoundedMoney(Usd("20319.215")), "USD 20,319.22");
  EXPECT_EQ(FormatRoundedMoney(Usd("-0.005")), "USD -0.01");
  EXPECT_EQ(FormatRoundedMoney(Usd("12")), "USD 12");
  EXPECT_EQ(FormatRoundedMoney({}), "–");
}

TEST(FormatMoney, UnknownIsNotZero) {
  EXPECT_EQ(FormatMoney({}), "–");
  EXPECT_EQ(FormatMoney(Usd("0")), "USD 0");
}

TEST(FormatMoney, TextThatIsNoAmountIsLeftAlone) { EXPECT_EQ(GroupAmount("12x4567"), "12x4567"); }

TEST(FormatNumber, IsShortAndGrouped) {
  EXPECT_EQ(FormatNumber(1234567), "1,234,567");
  EXPECT_EQ(FormatNumber(1234.5), "1,234.5");
  EXPECT_EQ(FormatNumber(-0.333333), "-0.33");
  EXPECT_EQ(FormatNumber(-0.001), "0");
  EXPECT_EQ(FormatNumber(std::nan("")), "–");
}

TEST(FormatPercent, HasOneDecimalAndNoMinusZero) {
  EXPECT_EQ(FormatPercent(0.614), "61.4%");
  EXPECT_EQ(FormatPercent(1.1), "110.0%");
  EXPECT_EQ(FormatPercent(-0.62), "-62.0%");
  EXPECT_EQ(FormatPercent(-0.0001), "0.0%");
  EXPECT_EQ(FormatPercent(123.4567), "12,345.7%");
  EXPECT_EQ(FormatPercent(std::nullopt), "–");
}

TEST(FormatDays, SaysWhen) {
  EXPECT_EQ(FormatDaysUntil(0.5), "today");
  EXPECT_EQ(FormatDaysUntil(1), "in 1 day");
  EXPECT_EQ(FormatDaysUntil(12.4), "in 12 days");
  EXPECT_EQ(FormatDaysUntil(-0.5), "1 day ago");
  EXPECT_EQ(FormatDaysUntil(std::nullopt), "–");
  EXPECT_EQ(FormatDays(1), "1 day");
  EXPECT_EQ(FormatDays(700), "22 months");
  EXPECT_EQ(FormatDays(1461), "4 years");
}

TEST(FormatTime, IsUtcAndUnknownWhenUnset) {
  EXPECT_EQ(FormatTime(At("2024-12-31T23:59:59Z")), "2024-12-31 23:59:59 UTC");
  EXPECT_EQ(FormatDate(At("2024-12-31T23:30:00-01:00")), "2025-01-01");
  EXPECT_EQ(FormatDate({}), "–");
}

TEST(FormatFact, ShowsEveryType) {
  perennial::accounts::v1::Fact fact;
  EXPECT_EQ(FormatFact(fact), "–");
  fact.set_number(0.3333333);
  EXPECT_EQ(FormatFact(fact), "0.3333");
  fact.set_flag(false);
  EXPECT_EQ(FormatFact(fact), "no");
  fact.mutable_set()->add_values("vip");
  fact.mutable_set()->add_values("eu");
  EXPECT_EQ(FormatFact(fact), "vip, eu");
  fact.mutable_set()->clear_values();
  EXPECT_EQ(FormatFact(fact), "none") << "a set without elements is known";
}

TEST(FormatPhase, ReadsLikeAWord) {
  EXPECT_EQ(FormatPhase(perennial::accounts::v1::LIFECYCLE_PHASE_ONBOARDING), "Onboarding");
  EXPECT_EQ(FormatPhase(perennial::accounts::v1::LIFECYCLE_PHASE_UNSPECIFIED), "–");
}

TEST(Json, HasEveryFieldUnderItsProtoNameButUnknownOnes) {
  perennial::segments::v1::GetPortfolioReportResponse report;
  *report.mutable_mrr() = Usd("10159608");
  const Json json = JsonOf(report);
  EXPECT_EQ(json.at("mrr").at("amount"), "10159608");
  EXPECT_EQ(json.at("paying_accounts"), "0") << "zero is an answer";
  EXPECT_TRUE(json.at("worst_accounts").is_array());
  EXPECT_FALSE(json.contains("mean_score")) << "unknown is not zero";
  report.set_mean_score(0);
  EXPECT_EQ(JsonOf(report).at("mean_score"), 0.0);
}

TEST(AddressOf, AddsThePortOfTheGateway) {
  EXPECT_EQ(AddressOf("example.com"), "example.com:50050");
  EXPECT_EQ(AddressOf("example.com:1"), "example.com:1");
}

}  // namespace
}  // namespace perennial::cli
