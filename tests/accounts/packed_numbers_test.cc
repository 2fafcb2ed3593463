#include "accounts-svc/facts/packed_numbers.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/facts/packed_facts.h"

namespace perennial::accounts {
namespace {

std::string Packed(const facts::FactRow& row) {
  perennial::accounts::v1::PackedFacts message;
  facts::Pack(row, &message);
  return message.SerializeAsString();
}

// Numbers of facts 0 to 399, so that some take two bytes.
class PackedNumbersTest : public ::testing::Test {
 protected:
  PackedNumbersTest() {
    for (int i = 0; i < 400; ++i) EXPECT_TRUE(numbering_.AddAll({{.name = absl::StrCat("fact", i)}}).ok());
  }
  FactNumbering numbering_;
};

TEST_F(PackedNumbersTest, ChangingNumbersGivesTheBytesOfPackingAnew) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::map<facts::FactId, double> numbers;
    facts::FactRow row;
    row.SetText(3, "text");
    row.SetSet(5, {});
    for (unsigned i = random() % 40; i > 0; --i) {
      const facts::FactId fact = 10 + random() % 390;
      row.SetNumber(fact, numbers[fact] = random() % 5);
    }
    const std::string before = Packed(row);
    auto changed = PackedNumbers::Open(before, numbering_);
    ASSERT_TRUE(changed.ok());
    for (unsigned i = random() % 20; i > 0; --i) {
      const facts::FactId fact = 10 + random() % 390;
      if (random() % 3 == 0) {
        numbers.erase(fact);
        changed->Set(fact, std::nullopt);
      } else {
        changed->Set(fact, numbers[fact] = random() % 5);
      }
    }
    facts::FactRow expected;
    expected.SetText(3, "text");
    expected.SetSet(5, {});
    for (const auto& [fact, number] : numbers) expected.SetNumber(fact, number);
    EXPECT_EQ(changed->Pack(), Packed(expected));
    for (facts::FactId fact = 10; fact < 400; ++fact) EXPECT_EQ(changed->Get(fact), expected.Number(fact));
    EXPECT_TRUE(changed->changed() || changed->Pack() == before);
  }
}

TEST_F(PackedNumbersTest, NumbersThatAreNotFiniteAreUnknownAndMinusZeroIsZero) {
  auto row = PackedNumbers::Open("", numbering_);
  ASSERT_TRUE(row.ok());
  row->Set(1, std::numeric_limits<double>::infinity());
  row->Set(2, std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(row->changed());
  row->Set(3, -0.0);
  EXPECT_FALSE(std::signbit(row->Get(3).value()));
  row->Set(3, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(row->Pack(), "");
}

TEST_F(PackedNumbersTest, BytesThatAreNoFactsAreRefused) {
  for (const std::string bytes : {"\x2a\x7f", "\x2a\x01\x05", "\x2a\x02\x05\x05\x32\x10 1234567 1234567", "\x2a"}) {
    EXPECT_EQ(PackedNumbers::Open(bytes, numbering_).status().code(), absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace perennial::accounts
