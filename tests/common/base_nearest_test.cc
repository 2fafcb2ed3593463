#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "common/base/nearest.h"

namespace perennial {
namespace {

TEST(EditDistanceTest, CountsChangesOfOneCharacter) {
  EXPECT_EQ(EditDistance("", "", 5), 0);
  EXPECT_EQ(EditDistance("score", "score", 5), 0);
  EXPECT_EQ(EditDistance("score", "scores", 5), 1);
  EXPECT_EQ(EditDistance("score", "core", 5), 1);
  EXPECT_EQ(EditDistance("score", "scare", 5), 1);
  EXPECT_EQ(EditDistance("score", "socre", 5), 1);
  EXPECT_EQ(EditDistance("kitten", "sitting", 5), 3);
  EXPECT_EQ(EditDistance("", "abc", 5), 3);
}

TEST(EditDistanceTest, StopsAtItsLimit) {
  EXPECT_EQ(EditDistance("kitten", "sitting", 2), 3);
  EXPECT_EQ(EditDistance("a", "abcdefgh", 3), 4);
  EXPECT_EQ(EditDistance("abcdefgh", "ijklmnop", 1), 2);
}

TEST(EditDistanceTest, IsTheSameUnderEveryLimitThatItIsWithin) {
  std::mt19937 random(3);
  const auto text = [&] {
    std::string made(random() % 9, ' ');
    for (char& c : made) c = static_cast<char>('a' + random() % 3);
    return made;
  };
  for (int i = 0; i < 20000; ++i) {
    const std::string a = text();
    const std::string b = text();
    const int exact = EditDistance(a, b, 100);
    ASSERT_EQ(EditDistance(b, a, 100), exact) << a << " " << b;
    for (int limit = 0; limit < 9; ++limit)
      ASSERT_EQ(EditDistance(a, b, limit), std::min(exact, limit + 1)) << a << " " << b;
  }
}

TEST(NearestNameTest, FindsWhatWasMeant) {
  EXPECT_EQ(NearestName("helth.score", {"health.band", "health.score"}), "health.score");
  EXPECT_EQ(NearestName("mmr", {"arr", "mrr"}), "mrr");
  EXPECT_EQ(NearestName("day_ago", {"now", "days_ago"}), "days_ago");
  EXPECT_EQ(NearestName("aab", {"aaa", "abb"}), "aaa");
}

TEST(NearestNameTest, FindsNothingWhereNothingIsNear) {
  EXPECT_EQ(NearestName("colour", {"mrr", "name"}), "");
  EXPECT_EQ(NearestName("x", {"y"}), "");
  EXPECT_EQ(NearestName("", {"a"}), "");
  EXPECT_EQ(NearestName("mrr", {}), "");
  EXPECT_EQ(NearestName(std::string(129, 'a'), {std::string(129, 'a')}), "");
}

}  // namespace
}  // namespace perennial
