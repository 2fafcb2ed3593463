#include <gtest/gtest.h>

#include "common/base/page_token.h"
#include "tests/testing/status_matchers.h"

namespace perennial {
namespace {

using perennial::testing::HasCode;

TEST(PageTokenTest, GivesTheCursorBackToItsRequest) {
  for (const std::string& cursor : {std::string(""), std::string("acme"), std::string("a\0b\xFF", 4)}) {
    EXPECT_EQ(ReadPageToken(MakePageToken(cursor, "mrr > 1"), "mrr > 1").value(), cursor);
  }
}

TEST(PageTokenTest, StartsAtTheBeginningWithoutAToken) { EXPECT_EQ(ReadPageToken("", "anything").value(), ""); }

TEST(PageTokenTest, RefusesTheTokenOfAnotherRequest) {
  EXPECT_THAT(ReadPageToken(MakePageToken("acme", "mrr > 1"), "mrr > 2"), HasCode(absl::StatusCode::kInvalidArgument));
  // Cursor and request are not run together.
  EXPECT_THAT(ReadPageToken(MakePageToken("ab", "c"), "bc"), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(PageTokenTest, RefusesEveryChangeOfACharacter) {
  const std::string token = MakePageToken("account-17", "request");
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_THAT(ReadPageToken(changed, "request"), HasCode(absl::StatusCode::kInvalidArgument)) << i;
  }
  for (const char* bad : {"x", "not base64!", "AAAA"}) {
    EXPECT_THAT(ReadPageToken(bad, "request"), HasCode(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(PageTokenTest, LimitsTheSizeOfAPage) {
  EXPECT_EQ(PageSize(0).value(), 50);
  EXPECT_EQ(PageSize(7).value(), 7);
  EXPECT_EQ(PageSize(5000).value(), 1000);
  EXPECT_EQ(PageSize(0, 20, 100).value(), 20);
  EXPECT_THAT(PageSize(-1), HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace perennial
