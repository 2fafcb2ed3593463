#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/facts/bitmap.h"
#include "common/facts/fact_catalogue.h"
#include "tests/testing/status_matchers.h"

namespace perennial::facts {
namespace {

TEST(FactCatalogueTest, NumbersFactsInTheOrderTheyCome) {
  FactCatalogue catalogue;
  EXPECT_EQ(catalogue.Add({.name = "mrr"}).value(), 0U);
  EXPECT_EQ(catalogue.Add({.name = "name", .type = FactType::kString}).value(), 1U);
  EXPECT_EQ(catalogue.Add({.name = "mrr"}).value(), 0U);
  EXPECT_EQ(catalogue.size(), 2U);
  EXPECT_EQ(catalogue.Find("name"), 1U);
  EXPECT_EQ(catalogue.Find("nam"), std::nullopt);
}

TEST(FactCatalogueTest, RefusesAnotherTypeAndKeepsTheFirst) {
  FactCatalogue catalogue;
  ASSERT_THAT(catalogue.Add({.name = "mrr", .unit = "USD"}), perennial::testing::IsOk());
  const auto again = catalogue.Add({.name = "mrr", .type = FactType::kString});
  EXPECT_THAT(again, perennial::testing::HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(catalogue.Get(0).type, FactType::kNumber);
  EXPECT_EQ(catalogue.Get(0).unit, "USD");
}

TEST(FactCatalogueTest, KeepsReferencesValidWhileItGrows) {
  FactCatalogue catalogue;
  const FactId id = catalogue.Add({.name = "mrr"}).value();
  const FactDefinition& definition = catalogue.Get(id);
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(catalogue.Add({.name = absl::StrCat("f", i)}).ok());
  EXPECT_EQ(&definition, &catalogue.Get(id));
  EXPECT_EQ(definition.name, "mrr");
}

TEST(BitmapTest, HoldsTheBitsThatWereSet) {
  Bitmap bitmap(130);
  for (const std::size_t i : {0U, 63U, 64U, 129U}) bitmap.Set(i);
  bitmap.Set(64);
  bitmap.Reset(63);
  EXPECT_EQ(bitmap.Count(), 3U);
  EXPECT_TRUE(bitmap.Test(0));
  EXPECT_FALSE(bitmap.Test(63));
  std::vector<std::uint32_t> visited;
  bitmap.ForEach([&](std::uint32_t row) { visited.push_back(row); });
  EXPECT_EQ(visited, (std::vector<std::uint32_t>{0, 64, 129}));
}

TEST(BitmapTest, KeepsItsBitsWhenItGrows) {
  Bitmap bitmap(3);
  bitmap.Set(2);
  bitmap.Resize(500);
  EXPECT_EQ(bitmap.size(), 500U);
  EXPECT_EQ(bitmap.Count(), 1U);
  EXPECT_TRUE(bitmap.Test(2));
}

TEST(BitmapTest, DropsTheBitsPastItsEndWhenItShrinks) {
  Bitmap bitmap(100);
  bitmap.Set(70);
  bitmap.Set(90);
  bitmap.Resize(80);
  EXPECT_EQ(bitmap.Count(), 1U);
  bitmap.Resize(100);
  EXPECT_FALSE(bitmap.Test(90));
}

}  // namespace
}  // namespace perennial::facts
