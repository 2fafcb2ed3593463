#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/facts/packed_facts.h"
#include "tests/testing/status_matchers.h"

namespace perennial::facts {
namespace {

using perennial::accounts::v1::PackedFacts;
using perennial::testing::HasCode;
using perennial::testing::IsOk;

class PackedFactsTest : public ::testing::Test {
 protected:
  // Two catalogues that number the same facts differently.
  PackedFactsTest() {
    const std::vector<FactDefinition> definitions = {{.name = "mrr"},
                                                     {.name = "phase", .type = FactType::kString},
                                                     {.name = "tags", .type = FactType::kStringSet},
                                                     {.name = "regions", .type = FactType::kStringSet},
                                                     {.name = "silent", .type = FactType::kBool}};
    for (const FactDefinition& definition : definitions) (void)sender_.Add(definition).value();
    for (auto it = definitions.rbegin(); it != definitions.rend(); ++it) (void)receiver_.Add(*it).value();
    for (const FactDefinition& definition : definitions) ids_.push_back(receiver_.Find(definition.name).value());
  }
  FactCatalogue sender_;
  FactCatalogue receiver_;
  std::vector<FactId> ids_;
};

TEST_F(PackedFactsTest, ComeOutAsTheyWentInUnderTheReadersIds) {
  FactRow row;
  row.SetNumber(0, 12.5);
  row.SetText(1, "");
  row.SetSet(2, {"vip", "eu"});
  row.SetSet(3, {});
  row.SetNumber(4, 0);
  PackedFacts packed;
  Pack(row, &packed);
  PackedFacts received;
  ASSERT_TRUE(received.ParseFromString(packed.SerializeAsString()));
  const auto unpacked = Unpack(received, ids_, receiver_);
  ASSERT_THAT(unpacked, IsOk());
  FactRow expected;
  expected.SetNumber(receiver_.Find("mrr").value(), 12.5);
  expected.SetText(receiver_.Find("phase").value(), "");
  expected.SetSet(receiver_.Find("tags").value(), {"eu", "vip"});
  expected.SetSet(receiver_.Find("regions").value(), {});
  expected.SetNumber(receiver_.Find("silent").value(), 0);
  EXPECT_EQ(*unpacked, expected);
}

TEST_F(PackedFactsTest, CarryNothingForARowWithoutFacts) {
  PackedFacts packed;
  Pack(FactRow(), &packed);
  EXPECT_EQ(packed.ByteSizeLong(), 0U);
  EXPECT_EQ(Unpack(packed, ids_, receiver_).value(), FactRow());
}

TEST_F(PackedFactsTest, AreDataLossWhenIdsAndValuesDoNotPair) {
  PackedFacts numbers;
  numbers.add_number_ids(0);
  EXPECT_THAT(Unpack(numbers, ids_, receiver_), HasCode(absl::StatusCode::kDataLoss));
  PackedFacts texts;
  texts.add_text_values("x");
  EXPECT_THAT(Unpack(texts, ids_, receiver_), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(PackedFactsTest, AreDataLossWhenAnIdWasNotAnnounced) {
  PackedFacts packed;
  packed.add_number_ids(99);
  packed.add_number_values(1);
  EXPECT_THAT(Unpack(packed, ids_, receiver_), HasCode(absl::StatusCode::kDataLoss));
  PackedFacts empty;
  empty.add_empty_set_ids(99);
  EXPECT_THAT(Unpack(empty, ids_, receiver_), HasCode(absl::StatusCode::kDataLoss));
}

TEST(FactDefinitionProtoTest, ComesBackAsItWent) {
  for (const FactType type :
       {FactType::kNumber, FactType::kString, FactType::kBool, FactType::kTime, FactType::kStringSet}) {
    const FactDefinition definition{
        .name = "usage.logins.sum_30d", .type = type, .unit = "logins", .meaning = "what", .age_fact = "age",
        .change_fact = "since"};
    EXPECT_EQ(FromProto(ToProto(7, definition)).value(), definition);
    EXPECT_EQ(ToProto(7, definition).id(), 7U);
  }
  EXPECT_THAT(FromProto(perennial::accounts::v1::FactDefinition()), HasCode(absl::StatusCode::kDataLoss));
}

TEST(FactProtoTest, CarriesEachTypeInItsField) {
  EXPECT_EQ(ToProto({.name = "mrr"}, FactValue(2.5)).number(), 2.5);
  EXPECT_TRUE(ToProto({.name = "silent", .type = FactType::kBool}, FactValue(1.0)).flag());
  EXPECT_TRUE(ToProto({.name = "silent", .type = FactType::kBool}, FactValue(0.0)).has_flag());
  EXPECT_EQ(ToProto({.name = "create_time", .type = FactType::kTime}, FactValue(1.5)).time().nanos(), 500000000);
  EXPECT_EQ(ToProto({.name = "phase", .type = FactType::kString}, FactValue(std::string("TRIAL"))).text(), "TRIAL");
  const auto set = ToProto({.name = "tags", .type = FactType::kStringSet}, FactValue(StringSet{"a", "b"}));
  EXPECT_THAT(set.set().values(), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(set.name(), "tags");
}

}  // namespace
}  // namespace perennial::facts
