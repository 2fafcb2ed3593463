#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/facts/fact_table.h"

namespace perennial::facts {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FactTableTest : public ::testing::Test {
 protected:
  FactTableTest() {
    mrr_ = catalogue_.Add({.name = "mrr"}).value();
    phase_ = catalogue_.Add({.name = "phase", .type = FactType::kString}).value();
    tags_ = catalogue_.Add({.name = "tags", .type = FactType::kStringSet}).value();
    silent_ = catalogue_.Add({.name = "silent", .type = FactType::kBool}).value();
  }
  std::vector<FactId> All() const { return {mrr_, phase_, tags_, silent_}; }
  FactRow Row() const {
    FactRow row;
    row.SetNumber(mrr_, 100);
    row.SetText(phase_, "TRIAL");
    row.SetSet(tags_, {"b", "a"});
    row.SetNumber(silent_, 1);
    return row;
  }

  FactCatalogue catalogue_;
  FactTable table_;
  FactId mrr_ = 0;
  FactId phase_ = 0;
  FactId tags_ = 0;
  FactId silent_ = 0;
};

TEST_F(FactTableTest, GivesAnAccountOneRowForGood) {
  const RowId acme = table_.Upsert("acme");
  EXPECT_NE(table_.Upsert("globex"), acme);
  EXPECT_EQ(table_.Upsert("acme"), acme);
  table_.Delete(acme);
  EXPECT_EQ(table_.Find("acme"), std::nullopt);
  EXPECT_EQ(table_.FindAny("acme"), acme);
  EXPECT_EQ(table_.live_count(), 1U);
  EXPECT_EQ(table_.Upsert("acme"), acme);
  EXPECT_EQ(table_.row_count(), 2U);
  EXPECT_EQ(table_.live_count(), 2U);
  EXPECT_EQ(table_.account_id(acme), "acme");
}

TEST_F(FactTableTest, ReplaceTellsWhatChanged) {
  const RowId row = table_.Upsert("acme");
  EXPECT_THAT(table_.Replace(row, Row(), catalogue_, All()), ElementsAre(mrr_, phase_, tags_, silent_));
  EXPECT_THAT(table_.Replace(row, Row(), catalogue_, All()), IsEmpty());
  FactRow other = Row();
  other.SetNumber(mrr_, 101);
  other.SetSet(tags_, {"a"});
  EXPECT_THAT(table_.Replace(row, other, catalogue_, All()), ElementsAre(mrr_, tags_));
  EXPECT_EQ(table_.Number(row, mrr_), 101);
  EXPECT_EQ(table_.Text(row, phase_), "TRIAL");
}

TEST_F(FactTableTest, ReplaceMakesOwnedFactsThatAreMissingUnknown) {
  const RowId row = table_.Upsert("acme");
  table_.Replace(row, Row(), catalogue_, All());
  EXPECT_THAT(table_.Replace(row, FactRow(), catalogue_, All()), ElementsAre(mrr_, phase_, tags_, silent_));
  EXPECT_EQ(table_.Number(row, mrr_), std::nullopt);
  EXPECT_EQ(table_.Text(row, phase_), std::nullopt);
  EXPECT_FALSE(TableRow(table_, row).HasSet(tags_));
}

TEST_F(FactTableTest, ReplaceLeavesFactsOfOtherOriginsAlone) {
  const RowId row = table_.Upsert("acme");
  table_.Replace(row, Row(), catalogue_, All());
  FactRow other;
  other.SetNumber(mrr_, 5);
  other.SetNumber(silent_, 0);
  EXPECT_THAT(table_.Replace(row, other, catalogue_, {mrr_, phase_}), ElementsAre(mrr_, phase_));
  EXPECT_EQ(table_.Number(row, silent_), 1);
  EXPECT_THAT(TableRow(table_, row).Set(tags_), ElementsAre("a", "b"));
}

TEST_F(FactTableTest, TellsAnEmptySetFromAnUnknownOne) {
  const RowId row = table_.Upsert("acme");
  FactRow facts;
  facts.SetSet(tags_, {});
  EXPECT_THAT(table_.Replace(row, facts, catalogue_, All()), ElementsAre(tags_));
  EXPECT_TRUE(TableRow(table_, row).HasSet(tags_));
  EXPECT_THAT(TableRow(table_, row).Set(tags_), IsEmpty());
  EXPECT_THAT(table_.Replace(row, FactRow(), catalogue_, All()), ElementsAre(tags_));
  EXPECT_FALSE(TableRow(table_, row).HasSet(tags_));
}

TEST_F(FactTableTest, ZeroIsKnownAndUnknownIsNotZero) {
  const RowId row = table_.Upsert("acme");
  EXPECT_TRUE(table_.SetNumber(row, mrr_, FactType::kNumber, 0));
  EXPECT_FALSE(table_.SetNumber(row, mrr_, FactType::kNumber, 0));
  EXPECT_EQ(table_.Number(row, mrr_), 0);
  EXPECT_TRUE(table_.SetNumber(row, mrr_, FactType::kNumber, std::nan("")));
  EXPECT_EQ(table_.Number(row, mrr_), std::nullopt);
}

TEST_F(FactTableTest, MakesNoColumnForWhatIsUnknownEverywhere) {
  const RowId row = table_.Upsert("acme");
  EXPECT_FALSE(table_.SetNumber(row, mrr_, FactType::kNumber, std::nullopt));
  EXPECT_FALSE(table_.SetText(row, phase_, std::nullopt));
  EXPECT_FALSE(table_.SetSet(row, tags_, nullptr));
  EXPECT_EQ(table_.numbers(mrr_), nullptr);
  EXPECT_EQ(table_.texts(phase_), nullptr);
  EXPECT_EQ(table_.sets(tags_), nullptr);
  EXPECT_EQ(table_.texts(9999), nullptr);
}

TEST_F(FactTableTest, KeepsColumnsAsLongAsTheTable) {
  table_.Replace(table_.Upsert("acme"), Row(), catalogue_, All());
  for (int i = 0; i < 100; ++i) (void)table_.Upsert(absl::StrCat("account-", i));
  EXPECT_EQ(table_.numbers(mrr_)->values.size(), 101U);
  EXPECT_EQ(table_.numbers(mrr_)->known.size(), 101U);
  EXPECT_EQ(table_.texts(phase_)->codes.size(), 101U);
  EXPECT_EQ(table_.sets(tags_)->codes.size(), 101U);
  EXPECT_EQ(table_.Number(100, mrr_), std::nullopt);
}

TEST_F(FactTableTest, DeletedRowsHaveNoFacts) {
  const RowId row = table_.Upsert("acme");
  table_.Replace(row, Row(), catalogue_, All());
  table_.Delete(row);
  table_.Delete(row);
  EXPECT_EQ(table_.live_count(), 0U);
  EXPECT_FALSE(table_.live(row));
  for (const FactId fact : All()) EXPECT_FALSE(table_.Value(row, fact, catalogue_.Get(fact).type).has_value()) << fact;
  (void)table_.Upsert("acme");
  for (const FactId fact : All()) EXPECT_FALSE(table_.Value(row, fact, catalogue_.Get(fact).type).has_value()) << fact;
}

TEST_F(FactTableTest, HoldsAfterManyReplacementsWhatWasReplacedLast) {
  std::mt19937 random(11);
  std::vector<FactRow> last(50);
  for (int i = 0; i < 50; ++i) (void)table_.Upsert(absl::StrCat("account-", i));
  for (int step = 0; step < 5000; ++step) {
    const auto row = static_cast<RowId>(random() % 50);
    FactRow facts;
    if (random() % 2) facts.SetNumber(mrr_, random() % 3);
    if (random() % 2) facts.SetText(phase_, std::string(random() % 3, 'x'));
    if (random() % 2)
      facts.SetSet(tags_, StringSet(random() % 3, std::string(1, static_cast<char>('a' + random() % 3))));
    const bool changed = !table_.Replace(row, facts, catalogue_, All()).empty();
    ASSERT_EQ(changed, !(facts == last[row]));
    last[row] = facts;
  }
  for (RowId row = 0; row < 50; ++row) {
    for (const FactId fact : All()) {
      const FactValue* expected = last[row].Find(fact);
      const auto value = table_.Value(row, fact, catalogue_.Get(fact).type);
      ASSERT_EQ(value, expected == nullptr ? std::nullopt : std::optional<FactValue>(*expected)) << row << " " << fact;
    }
  }
}

}  // namespace
}  // namespace perennial::facts
