#include "common/facts/number_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace perennial::facts {
namespace {

using ::testing::ElementsAre;

// What a column of these values reads as, one by one.
std::vector<double> Read(const NumberValues& values) {
  std::vector<double> out;
  for (std::size_t row = 0; row < values.size(); ++row) out.push_back(values[row]);
  return out;
}

NumberValues Of(const std::vector<double>& numbers) {
  NumberValues values;
  values.Resize(numbers.size());
  for (std::size_t row = 0; row < numbers.size(); ++row) values.Set(row, numbers[row]);
  return values;
}

TEST(NumberValuesTest, AreZeroAtFirst) {
  NumberValues values;
  values.Resize(3);
  EXPECT_THAT(Read(values), ElementsAre(0, 0, 0));
  EXPECT_EQ(values.width(), 1U);
}

TEST(NumberValuesTest, TakeNoMoreThanTheWidestOfThemNeeds) {
  EXPECT_EQ(Of({0, 1, 255}).width(), 1U);
  EXPECT_EQ(Of({0, -1}).width(), 2U);
  EXPECT_EQ(Of({256, 32767}).width(), 2U);
  EXPECT_EQ(Of({1, 32768}).width(), 4U);
  EXPECT_EQ(Of({1, 1735603199}).width(), 4U);
  EXPECT_EQ(Of({1, 0.5}).width(), 4U);
  EXPECT_EQ(Of({1, 0.1}).width(), 8U);
  EXPECT_EQ(Of({0.5, 1735603199}).width(), 8U);
  EXPECT_EQ(Of({1735603199, 0.5}).width(), 8U);
  EXPECT_EQ(Of({3e9}).width(), 4U) << "a float holds it exactly";
  EXPECT_EQ(Of({1e300}).width(), 8U);
}

TEST(NumberValuesTest, KeepEarlierValuesExactlyWhenTheyGetWider) {
  EXPECT_THAT(Read(Of({7, 255, -32768, 2147483647, 0.1, -1e300})), ElementsAre(7, 255, -32768, 2147483647, 0.1, -1e300));
  EXPECT_THAT(Read(Of({7, 0.25, 16777217, 0.1})), ElementsAre(7, 0.25, 16777217, 0.1));
}

TEST(NumberValuesTest, HoldTheGreatestAndTheSmallestDoubles) {
  const double most = std::numeric_limits<double>::max();
  const double least = std::numeric_limits<double>::denorm_min();
  EXPECT_THAT(Read(Of({most, -most, least})), ElementsAre(most, -most, least));
}

TEST(NumberValuesTest, HaveNoNegativeZero) {
  for (const double wide : {0.0, 1e5, 0.5, 0.1}) {
    NumberValues values = Of({wide, -0.0});
    EXPECT_FALSE(std::signbit(values[1])) << wide;
  }
}

TEST(NumberValuesTest, ReadRangesAndListsAsTheyReadRows) {
  std::minstd_rand random(7);
  for (const double scale : {1.0, 100.0, 1e5, 0.5, 0.1}) {
    std::vector<double> numbers(1000);
    for (double& number : numbers) number = static_cast<double>(random() % 200) * scale;
    const NumberValues values = Of(numbers);
    EXPECT_EQ(Read(values), numbers);
    std::array<double, 700> buffer;
    const double* const range = values.Read(123, 700, buffer.data());
    EXPECT_EQ(std::vector<double>(range, range + 700), std::vector<double>(numbers.begin() + 123, numbers.begin() + 823));
    const std::vector<std::uint32_t> rows = {5, 999, 0, 400};
    std::vector<double> gathered(rows.size());
    values.Gather(rows.data(), rows.size(), gathered.data());
    EXPECT_THAT(gathered, ElementsAre(numbers[5], numbers[999], numbers[0], numbers[400]));
  }
}

}  // namespace
}  // namespace perennial::facts
