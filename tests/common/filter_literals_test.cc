#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/filter/literals.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

TEST(LiteralsTest, ReadDecimalNumbersOnly) {
  EXPECT_EQ(ParseNumber("0"), 0);
  EXPECT_EQ(ParseNumber("-12.50"), -12.5);
  EXPECT_EQ(ParseNumber("2.997e9"), 2.997e9);
  EXPECT_EQ(ParseNumber("1E-3"), 1e-3);
  EXPECT_EQ(ParseNumber("1e+3"), 1e3);
  for (const char* bad : {"", "-", "+5", ".5", "5.", "1e", "1e+", "--1", "0x10", "inf", "nan", "1_000", "1,000", " 1",
                          "1 ", "1.2.3", "1e999", "-1e999", "5%"}) {
    EXPECT_EQ(ParseNumber(bad), std::nullopt) << bad;
  }
}

TEST(LiteralsTest, ReadNegativeZeroAsZero) { EXPECT_FALSE(std::signbit(ParseNumber("-0.0").value())); }

TEST(LiteralsTest, ReadDurationsInDays) {
  EXPECT_EQ(ParseDurationDays("86400s"), 1);
  EXPECT_EQ(ParseDurationDays("-1.5h"), -1.5 / 24);
  EXPECT_EQ(ParseDurationDays("720m"), 0.5);
  EXPECT_EQ(ParseDurationDays("30d"), 30);
  for (const char* bad : {"", "s", "30", "1w", "1ms", "1h30m", "d30"})
    EXPECT_EQ(ParseDurationDays(bad), std::nullopt) << bad;
}

TEST(LiteralsTest, ReadTimesWithTheirOffset) {
  EXPECT_EQ(ParseTimeSeconds("1970-01-01"), 0);
  EXPECT_EQ(ParseTimeSeconds("1970-01-02T00:00:00Z"), 86400);
  EXPECT_EQ(ParseTimeSeconds("1970-01-02t00:00:00z"), 86400);
  EXPECT_EQ(ParseTimeSeconds("1970-01-01T00:00:00-01:30"), 5400);
  EXPECT_EQ(ParseTimeSeconds("1970-01-01T00:00:00.25+00:00"), 0.25);
  EXPECT_EQ(ParseTimeSeconds("0001-01-01"), -62135596800.0);
  for (const char* bad : {"", "2024", "2024-1-1", "2024-13-01", "2024-02-30", "2024-01-01T00:00:00",
                          "2024-01-01T24:00:01Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00Z", "2024-01-01T00:00:00.Z",
                          "2024-01-01Z", "2024-01-01T00:00:00+0100", "infinite-future", "0000-01-01", "02024-01-01"}) {
    EXPECT_EQ(ParseTimeSeconds(bad), std::nullopt) << bad;
  }
}

TEST(LiteralsTest, ReadBackEveryNumberThatTheyWrite) {
  std::mt19937_64 random(160);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t bits = random();
    double number = 0;
    static_assert(sizeof(number) == sizeof(bits));
    std::memcpy(&number, &bits, sizeof(number));
    if (!std::isfinite(number)) continue;
    const std::string text = FormatNumber(number);
    ASSERT_LT(text.size(), 40U) << text;
    ASSERT_EQ(ParseNumber(text), number) << text;
  }
  EXPECT_EQ(ParseNumber(FormatNumber(std::numeric_limits<double>::denorm_min())),
            std::numeric_limits<double>::denorm_min());
}

TEST(LiteralsTest, ReadBackEveryTimeThatTheyWrite) {
  std::mt19937_64 random(160);
  std::uniform_int_distribution<std::int64_t> micros(-62135596800000000, 253402300799000000);
  for (int i = 0; i < 100000; ++i) {
    const std::string written =
        absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*S%Ez", absl::FromUnixMicros(micros(random)), absl::UTCTimeZone());
    const auto seconds = ParseTimeSeconds(written);
    ASSERT_TRUE(seconds.has_value()) << written;
    ASSERT_EQ(ParseTimeSeconds(FormatTimeSeconds(*seconds)), seconds) << written;
  }
}

TEST(SourceTextTest, CountsColumnsInCharactersAndLinesFromOne) {
  EXPECT_EQ(PositionOf("abc", 0), "1:1");
  EXPECT_EQ(PositionOf("äöü", 4), "1:3");
  EXPECT_EQ(PositionOf("a\nbc\nd", 5), "3:1");
  EXPECT_EQ(PositionOf("abc", 3), "1:4");
}

TEST(SourceTextTest, FindsTheFirstByteThatIsNotUtf8) {
  EXPECT_EQ(FirstInvalidUtf8("aé漢😀"), std::nullopt);
  EXPECT_EQ(FirstInvalidUtf8("a\x80"), 1U);             // continuation without start
  EXPECT_EQ(FirstInvalidUtf8("\xC3"), 0U);              // cut short
  EXPECT_EQ(FirstInvalidUtf8("\xC0\xAF"), 0U);          // overlong
  EXPECT_EQ(FirstInvalidUtf8("\xE0\x9F\xBF"), 0U);      // overlong
  EXPECT_EQ(FirstInvalidUtf8("ok\xED\xA0\x80"), 2U);    // surrogate
  EXPECT_EQ(FirstInvalidUtf8("\xF4\x90\x80\x80"), 0U);  // past U+10FFFF
  EXPECT_EQ(FirstInvalidUtf8("\xF0\x8F\xBF\xBF"), 0U);  // overlong
  EXPECT_EQ(FirstInvalidUtf8("\xF4\x8F\xBF\xBF"), std::nullopt);
  EXPECT_EQ(FirstInvalidUtf8("\xFF"), 0U);
}

}  // namespace
}  // namespace perennial::filter
