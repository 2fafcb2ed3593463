#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "common/base/money.h"
#include "tests/testing/status_matchers.h"

namespace perennial {
namespace {

using perennial::testing::HasCode;

TEST(MoneyTest, ReadsDecimalAmountsExactly) {
  EXPECT_EQ(ParseAmount("0").value(), 0);
  EXPECT_EQ(ParseAmount("2786").value(), 2786000000);
  EXPECT_EQ(ParseAmount("19.95").value(), 19950000);
  EXPECT_EQ(ParseAmount("-0.000001").value(), -1);
  EXPECT_EQ(ParseAmount("007").value(), 7000000);
  EXPECT_EQ(ParseAmount("999999999999.999999").value(), 999999999999999999);
  EXPECT_EQ(ParseAmount("0.1").value() + ParseAmount("0.2").value(), ParseAmount("0.3").value());
}

TEST(MoneyTest, RefusesEverythingElse) {
  for (const char* bad : {"", "-", "+1", ".5", "5.", "1e3", "1,000", "1.2.3", " 1", "1 ", "NaN", "1000000000000",
                          "0.0000001", "--1", "0x1", "1.-5"}) {
    EXPECT_THAT(ParseAmount(bad), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(MoneyTest, WritesTheShortestTextThatReadsBack) {
  EXPECT_EQ(FormatAmount(0), "0");
  EXPECT_EQ(FormatAmount(19950000), "19.95");
  EXPECT_EQ(FormatAmount(-1), "-0.000001");
  EXPECT_EQ(FormatAmount(-500000), "-0.5");
  EXPECT_EQ(FormatAmount(std::numeric_limits<Micros>::min()), "-9223372036854.775808");
  std::mt19937_64 random(1);
  std::uniform_int_distribution<Micros> amounts(-999999999999999999, 999999999999999999);
  for (int i = 0; i < 10000; ++i) {
    const Micros micros = amounts(random);
    ASSERT_EQ(ParseAmount(FormatAmount(micros)).value(), micros);
  }
}

TEST(MoneyTest, RoundsNumbersToTheNearestMicro) {
  EXPECT_EQ(MicrosOfNumber(19.95), 19950000);
  EXPECT_EQ(MicrosOfNumber(-0.0000006), -1);
  EXPECT_EQ(NumberOfMicros(MicrosOfNumber(12345.678901)), 12345.678901);
}

TEST(MoneyTest, KnowsWhatACurrencyCodeLooksLike) {
  EXPECT_TRUE(IsCurrencyCode("USD"));
  for (const char* bad : {"", "US", "USDX", "usd", "U1D"}) EXPECT_FALSE(IsCurrencyCode(bad)) << bad;
}

}  // namespace
}  // namespace perennial
