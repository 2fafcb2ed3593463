#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/facts/fact_row.h"

namespace perennial::facts {
namespace {

using ::testing::ElementsAre;

TEST(FactRowTest, KeepsValuesByAscendingId) {
  FactRow row;
  row.SetText(5, "five");
  row.SetNumber(2, 2);
  row.SetSet(3, {"b", "a", "b"});
  row.SetNumber(2, 22);
  ASSERT_EQ(row.values().size(), 3U);
  EXPECT_EQ(row.values()[0].first, 2U);
  EXPECT_EQ(row.values()[2].first, 5U);
  EXPECT_EQ(row.Number(2), 22);
  EXPECT_EQ(row.Text(5), "five");
  EXPECT_THAT(row.Set(3), ElementsAre("a", "b"));
}

TEST(FactRowTest, LeavesNumbersThatAreNotFiniteUnknown) {
  FactRow row;
  row.SetNumber(1, std::numeric_limits<double>::infinity());
  row.SetNumber(2, std::nan(""));
  EXPECT_EQ(row.Number(1), std::nullopt);
  EXPECT_EQ(row.Number(2), std::nullopt);
}

TEST(FactRowTest, TellsEmptyFromUnknown) {
  FactRow row;
  row.SetSet(1, {});
  row.SetText(2, "");
  row.SetNumber(3, 0);
  EXPECT_TRUE(row.HasSet(1));
  EXPECT_FALSE(row.HasSet(4));
  EXPECT_EQ(row.Text(2), "");
  EXPECT_EQ(row.Text(4), std::nullopt);
  EXPECT_EQ(row.Number(3), 0);
  EXPECT_EQ(row.Number(4), std::nullopt);
}

TEST(FactRowTest, AnswersNothingForAValueOfAnotherKind) {
  FactRow row;
  row.SetText(1, "1");
  EXPECT_EQ(row.Number(1), std::nullopt);
  EXPECT_FALSE(row.HasSet(1));
  EXPECT_FALSE(row.SetContains(1, "1"));
}

TEST(FactRowTest, FindsElementsOfSets) {
  FactRow row;
  row.SetSet(1, {"vip", "eu", ""});
  EXPECT_TRUE(row.SetContains(1, "eu"));
  EXPECT_TRUE(row.SetContains(1, ""));
  EXPECT_FALSE(row.SetContains(1, "e"));
}

TEST(FactTextTest, WritesValuesForPeople) {
  EXPECT_EQ(ToText(214.0, FactType::kNumber), "214");
  EXPECT_EQ(ToText(0.5, FactType::kNumber), "0.5");
  EXPECT_EQ(ToText(1.0, FactType::kBool), "true");
  EXPECT_EQ(ToText(0.0, FactType::kBool), "false");
  EXPECT_EQ(ToText(std::string("ADOPTION"), FactType::kString), "ADOPTION");
  EXPECT_EQ(ToText(StringSet{"a", "b"}, FactType::kStringSet), "{a, b}");
  EXPECT_EQ(ToText(StringSet{}, FactType::kStringSet), "{}");
}

}  // namespace
}  // namespace perennial::facts
