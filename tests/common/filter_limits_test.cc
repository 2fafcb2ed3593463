#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/common/filter_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::filter {
namespace {

using perennial::testing::HasCode;
using ::testing::HasSubstr;

std::string Repeated(absl::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) absl::StrAppend(&repeated, text);
  return repeated;
}

class FilterLimitsTest : public ::testing::Test {
 protected:
  std::string ErrorOf(absl::string_view text) {
    EXPECT_THAT(fixture_.Compile(text), HasCode(absl::StatusCode::kInvalidArgument));
    return fixture_.ErrorOf(text);
  }
  const perennial::testing::FilterFixture fixture_;
};

TEST_F(FilterLimitsTest, TakesTextOfTheLengthAllowedAndRefusesOneByteMore) {
  const std::string longest = "silent" + std::string(kMaxLength - 6, ' ');
  EXPECT_EQ(fixture_.Canonical(longest), "silent = true");
  EXPECT_EQ(ErrorOf(longest + " "), "is too long: 4097 bytes where 4096 are allowed; it must end at 1:4097");
}

TEST_F(FilterLimitsTest, RefusesAMegabyteWithoutReadingIt) {
  EXPECT_THAT(ErrorOf(std::string(1 << 20, '(')), HasSubstr("is too long: 1048576 bytes"));
}

TEST_F(FilterLimitsTest, TakesTheDepthAllowedAndRefusesOneLevelMore) {
  EXPECT_EQ(fixture_.Canonical(Repeated("(", kMaxDepth) + "silent" + Repeated(")", kMaxDepth)), "silent = true");
  EXPECT_EQ(ErrorOf(Repeated("(", kMaxDepth + 1) + "silent" + Repeated(")", kMaxDepth + 1)),
            "is nested too deep: more than 32 levels at 1:33");
}

TEST_F(FilterLimitsTest, RefusesAPageOfParenthesesAtTheFirstThatIsTooMany) {
  EXPECT_EQ(ErrorOf(std::string(kMaxLength, '(')), "is nested too deep: more than 32 levels at 1:33");
  EXPECT_EQ(ErrorOf(std::string(kMaxLength, '-')), "is nested too deep: more than 32 levels at 1:33");
  EXPECT_EQ(ErrorOf(Repeated("NOT ", 1000)), "is nested too deep: more than 32 levels at 1:129");
  EXPECT_EQ(ErrorOf(Repeated("f(", 1000)), "is nested too deep: more than 32 levels at 1:66");
}

TEST_F(FilterLimitsTest, RefusesWhatIsTooDeepOnlyInCanonicalForm) {
  EXPECT_THAT(ErrorOf(Repeated("NOT ", 30) + "silent"),
              HasSubstr("is nested too deep: 60 levels in canonical form where 32 are allowed"));
  EXPECT_EQ(fixture_.Compile(fixture_.Canonical(Repeated("NOT ", 16) + "silent"))->canonical(),
            Repeated("NOT (", 16) + "silent = true" + Repeated(")", 16));
}

TEST_F(FilterLimitsTest, RefusesWhatIsTooLongOnlyInCanonicalForm) {
  EXPECT_THAT(ErrorOf(absl::StrCat("name = '", Repeated("\"", 3000), "'")),
              HasSubstr("is too long: 6009 bytes in canonical form where 4096 are allowed"));
}

TEST_F(FilterLimitsTest, CountsComparisons) {
  const auto terms = [](int count) { return "silent" + Repeated(" OR mrr=1", count - 1); };
  EXPECT_THAT(fixture_.Compile(terms(kMaxTerms)), perennial::testing::IsOk());
  EXPECT_EQ(ErrorOf(terms(kMaxTerms + 1)), absl::StrCat("has more than 256 comparisons at 1:", 1 + 6 + 255 * 9 + 4));
  EXPECT_THAT(ErrorOf("tags:(" + Repeated("a ", 257) + ")"), HasSubstr("has more than 256 comparisons at 1:519"));
}

TEST_F(FilterLimitsTest, RefusesTenThousandTermsByTheirLength) {
  EXPECT_THAT(ErrorOf(Repeated("a ", 10000)), HasSubstr("is too long: 20000 bytes"));
}

TEST_F(FilterLimitsTest, RefusesTextThatIsNotUtf8WithItsPosition) {
  EXPECT_EQ(ErrorOf("name = \"Z\xFCrich\""), "text that is not UTF-8 at 1:10");
  EXPECT_EQ(ErrorOf("name = \xC3"), "text that is not UTF-8 at 1:8");
  EXPECT_EQ(ErrorOf(absl::string_view("name = \"a\0b\"", 12)), "control character 0x00 at 1:10");
}

TEST_F(FilterLimitsTest, RefusesQuotesWithoutAnEnd) {
  EXPECT_EQ(ErrorOf(std::string(4095, '"')), "a quoted text starts and never ends at 1:4095");
  EXPECT_EQ(ErrorOf("name = \"" + std::string(4000, '\\') + "\\\""), "a quoted text starts and never ends at 1:8");
}

TEST_F(FilterLimitsTest, LimitsWarnings) {
  std::string text = "silent";
  for (int i = 0; i < 60; ++i) absl::StrAppend(&text, " OR name=a*b AND auto_renew");
  const auto compiled = fixture_.Compile(text);
  ASSERT_THAT(compiled, perennial::testing::IsOk());
  EXPECT_LE(compiled->warnings().size(), 24U);
  EXPECT_GE(compiled->warnings().size(), 10U);
}

TEST_F(FilterLimitsTest, AnswersForALongUnknownNameWithoutASuggestion) {
  EXPECT_EQ(ErrorOf(std::string(4000, 'x') + " > 1"), "unknown fact '" + std::string(60, 'x') + "...' at 1:1");
}

}  // namespace
}  // namespace perennial::filter
