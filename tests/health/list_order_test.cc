#include "health-svc/list_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

TEST(ListOrderTest, ReadsAFieldAndItsDirection) {
  const std::vector<absl::string_view> fields = {"name", "score", "coverage"};
  EXPECT_EQ(ParseListOrder("", fields)->field, 0U);
  EXPECT_EQ(ParseListOrder(" coverage ", fields)->field, 2U);
  EXPECT_FALSE(ParseListOrder("score", fields)->descending);
  EXPECT_TRUE(ParseListOrder("score  desc", fields)->descending);
  for (const char* bad : {"worth", "score asc", "score desc desc", "score, name", "desc"}) {
    const auto order = ParseListOrder(bad, fields);
    ASSERT_EQ(order.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(order.status().message()),
                HasSubstr("must be name, score or coverage, optionally followed by desc"));
  }
}

// Page after page is what sorting everything gives, whatever the order, with ties and unknown values among the keys.
TEST(ListOrderTest, PagesTogetherAreTheSortedList) {
  std::mt19937 random(7);
  std::vector<std::string> names;
  for (int i = 0; i < 500; ++i) names.push_back(absl::StrCat("account-", i));
  for (const std::size_t field : {std::size_t{0}, std::size_t{1}}) {
    for (const bool descending : {false, true}) {
      const ListOrder order{.field = field, .descending = descending};
      std::vector<OrderKey> keys;
      for (std::size_t i = 0; i < names.size(); ++i) {
        OrderKey key{.name = names[i], .row = static_cast<facts::RowId>(i)};
        if (field == 1) {
          key.unknown = random() % 5 == 0;
          if (!key.unknown) key.value = static_cast<double>(random() % 40) - 20.5;
        }
        keys.push_back(key);
      }
      std::vector<OrderKey> sorted = keys;
      std::sort(sorted.begin(), sorted.end(), OrderBefore(order));
      std::vector<facts::RowId> expected;
      for (const OrderKey& key : sorted) expected.push_back(key.row);
      std::vector<facts::RowId> paged;
      std::string cursor;
      do {
        auto picker = PagePicker::Create(order, 33, cursor);
        ASSERT_TRUE(picker.ok());
        for (const OrderKey& key : keys) picker->Offer(key);
        std::string next;
        const std::vector<facts::RowId> page = picker->Take(&next);
        EXPECT_LE(page.size(), 33U);
        paged.insert(paged.end(), page.begin(), page.end());
        cursor = next;
      } while (!cursor.empty() && paged.size() <= keys.size());
      EXPECT_EQ(paged, expected) << field << descending;
    }
  }
}

TEST(ListOrderTest, RefusesACursorOfSomethingElse) {
  for (const std::string& bad :
       {std::string("x"), std::string("0zzzzzzzzzzzzzzzzname"), std::string("00000000000000000")}) {
    EXPECT_EQ(PagePicker::Create({}, 10, bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace perennial::health
