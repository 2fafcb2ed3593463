#include "health-svc/rules/flag_timing.h"

#include <gtest/gtest.h>

namespace perennial::health {
namespace {

absl::Time At(int minute) { return absl::FromUnixSeconds(1700000000) + absl::Minutes(minute); }
constexpr absl::Duration kRaise = absl::Minutes(10);
constexpr absl::Duration kClear = absl::Minutes(30);

TEST(FlagTimingTest, RaisesAndClearsAtOnceWithoutHoldTimes) {
  const FlagStanding open = Advance({}, true, At(0), absl::ZeroDuration(), absl::ZeroDuration());
  EXPECT_TRUE(open.open);
  EXPECT_EQ(open.raised, At(0));
  const FlagStanding cleared = Advance(open, false, At(5), absl::ZeroDuration(), absl::ZeroDuration());
  EXPECT_FALSE(cleared.open);
  EXPECT_EQ(cleared.raised, At(0));
  EXPECT_EQ(cleared.cleared, At(5));
}

TEST(FlagTimingTest, IsRaisedOnceHoweverOftenItIsEvaluated) {
  FlagStanding standing = Advance({}, true, At(0), absl::ZeroDuration(), absl::ZeroDuration());
  standing = Advance(standing, true, At(1), absl::ZeroDuration(), absl::ZeroDuration());
  EXPECT_EQ(standing.raised, At(0));
}

TEST(FlagTimingTest, WaitsForTheHoldTimeBeforeItRaises) {
  FlagStanding standing = Advance({}, true, At(0), kRaise, kClear);
  EXPECT_FALSE(standing.open);
  EXPECT_EQ(DueTime(standing, kRaise, kClear), At(10));
  standing = Advance(standing, true, At(9), kRaise, kClear);
  EXPECT_FALSE(standing.open);
  standing = Advance(standing, true, At(10), kRaise, kClear);
  EXPECT_TRUE(standing.open);
  EXPECT_EQ(standing.raised, At(10));
}

TEST(FlagTimingTest, BeginsToWaitAnewAfterABreak) {
  FlagStanding standing = Advance({}, true, At(0), kRaise, kClear);
  standing = Advance(standing, false, At(5), kRaise, kClear);
  EXPECT_EQ(DueTime(standing, kRaise, kClear), std::nullopt);
  standing = Advance(standing, true, At(6), kRaise, kClear);
  standing = Advance(standing, true, At(15), kRaise, kClear);
  EXPECT_FALSE(standing.open);
  EXPECT_TRUE(Advance(standing, true, At(16), kRaise, kClear).open);
}

TEST(FlagTimingTest, WaitsForTheHoldTimeBeforeItClears) {
  FlagStanding standing = Advance({}, true, At(0), absl::ZeroDuration(), kClear);
  standing = Advance(standing, false, At(1), absl::ZeroDuration(), kClear);
  EXPECT_TRUE(standing.open);
  standing = Advance(standing, true, At(20), absl::ZeroDuration(), kClear);
  standing = Advance(standing, false, At(21), absl::ZeroDuration(), kClear);
  EXPECT_TRUE(Advance(standing, false, At(50), absl::ZeroDuration(), kClear).open);
  EXPECT_FALSE(Advance(standing, false, At(51), absl::ZeroDuration(), kClear).open);
}

}  // namespace
}  // namespace perennial::health
