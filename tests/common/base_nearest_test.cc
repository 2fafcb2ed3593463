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

// By definition, from the last characters backwards.
int Slowly(const std::string& a, const std::string& b, std::size_t i, std::size_t j) {
  if (i == 0 || j == 0) return static_cast<int>(i + j);
  int best = std::min(Slowly(a, b, i - 1, j), Slowly(a, b, i, j - 1)) + 1;
  best = std::min(best, Slowly(a, b, i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1));
  if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
    best = std::min(best, Slowly(a, b, i - 2, j - 2) + 1);
  }
  return best;
}

TEST(EditDistanceTest, FollowsItsDefinitionUnderEveryLimit) {
  std::mt19937 random(3);
  const auto text = [&] {
    std::string made(random() % 7, ' ');
    for (char& c : made) c = static_cast<char>('a' + random() % 3);
    return made;
  };
  for (int i = 0; i < 3000; ++i) {
    const std::string a = text();
    const std::string b = text();
    const int exact = Slowly(a, b, a.size(), b.size());
    for (int limit = 0; limit < 9; ++limit) {
      ASSERT_EQ(EditDistance(a, b, limit), std::min(exact, limit + 1)) << a << " " << b << " " << limit;
    }
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
