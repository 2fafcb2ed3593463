// Numbers of facts: dense, stable, and in the store before any row that uses them.
#include "accounts-svc/facts/fact_numbering.h"

#include "accounts-svc/facts/fact_definitions.h"
#include "accounts-svc/facts_writer.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

using facts::FactType;

TEST(FactNumberingTest, NumbersAreDenseAndTheSameWhenAskedAgain) {
  FactNumbering numbering;
  ASSERT_TRUE(numbering.AddAll({{.name = "a"}, {.name = "b"}, {.name = "a"}}).ok());
  EXPECT_EQ(numbering.Fixed("b"), 1U);
  EXPECT_EQ(numbering.ForAttribute("size", FactType::kNumber).value(), 2U);
  EXPECT_EQ(numbering.ForAttribute("size", FactType::kNumber).value(), 2U);
  EXPECT_EQ(numbering.ForMetric(7, "logins").sum_7d, 3U);
  EXPECT_EQ(numbering.ForMetric(7, "logins").days_since_last, 10U);
  EXPECT_EQ(numbering.ForMetric(8, "exports").sum_7d, 11U);
}

TEST(FactNumberingTest, OnlyWhatIsNotSavedIsHandedOut) {
  FactNumbering numbering;
  ASSERT_TRUE(numbering.Load({{.name = "a"}, {.name = "b"}}).ok());
  EXPECT_TRUE(numbering.Unsaved().definitions.empty());
  ASSERT_TRUE(numbering.AddAll({{.name = "a"}, {.name = "c"}}).ok());
  EXPECT_EQ(numbering.Unsaved().first, 2U);
  ASSERT_EQ(numbering.Unsaved().definitions.size(), 1U);
  numbering.MarkSaved(3);
  EXPECT_TRUE(numbering.Unsaved().definitions.empty());
}

TEST(FactNumberingTest, ACatalogueWithAFactTwiceOrOfAnotherTypeIsRefused) {
  FactNumbering twice;
  EXPECT_EQ(twice.Load({{.name = "a"}, {.name = "a"}}).code(), absl::StatusCode::kDataLoss);
  FactNumbering other;
  ASSERT_TRUE(other.Load({{.name = "a"}}).ok());
  EXPECT_FALSE(other.AddAll({{.name = "a", .type = FactType::kString}}).ok());
}

TEST(FactNumberingTest, WhatOthersStoredFirstMovesWhatIsNotSavedBehindIt) {
  FactNumbering numbering;
  ASSERT_TRUE(numbering.Load({{.name = "a"}}).ok());
  ASSERT_TRUE(numbering.AddAll({{.name = "mine"}, {.name = "both"}}).ok());
  ASSERT_TRUE(numbering.Learn(1, {{.name = "theirs"}, {.name = "both"}}).ok());
  const auto tail = numbering.Unsaved();
  EXPECT_EQ(tail.first, 3U);
  ASSERT_EQ(tail.definitions.size(), 1U);
  EXPECT_EQ(tail.definitions[0].name, "mine");
  // Numbers here stay; rows are stored with the store's.
  EXPECT_EQ(numbering.Fixed("mine"), 1U);
  EXPECT_EQ(numbering.ToStored(numbering.Fixed("mine")), 3U);
  EXPECT_EQ(numbering.ToStored(numbering.Fixed("both")), 2U);
  facts::FactRow row;
  row.SetNumber(numbering.Fixed("mine"), 30);
  row.SetText(numbering.Fixed("theirs"), "10");
  facts::FactRow stored;
  stored.SetText(1, "10");
  stored.SetNumber(3, 30);
  EXPECT_EQ(numbering.ToStored(row), stored);
  numbering.MarkSaved(4);
  EXPECT_EQ(numbering.LocalIds(), (std::vector<facts::FactId>{0, 3, 2, 1}));
}

TEST(FactNumberingTest, LearningAgainChangesNothingAndAHoleIsRefused) {
  FactNumbering numbering;
  ASSERT_TRUE(numbering.Load({{.name = "a"}, {.name = "b"}}).ok());
  EXPECT_TRUE(numbering.Learn(1, {{.name = "b"}}).ok());
  EXPECT_TRUE(numbering.Learn(1, {{.name = "b"}, {.name = "c"}}).ok());
  EXPECT_EQ(numbering.saved(), 3U);
  EXPECT_EQ(numbering.Learn(5, {{.name = "f"}}).code(), absl::StatusCode::kDataLoss);
}

TEST(FactNumberingTest, AnAttributeThatOthersStoredWithAnotherTypeReplacesTheOneThatWasNeverSaved) {
  FactNumbering numbering;
  ASSERT_TRUE(numbering.ForAttribute("size", FactType::kString).ok());
  FactNumbering theirs;
  ASSERT_TRUE(theirs.ForAttribute("size", FactType::kNumber).ok());
  ASSERT_TRUE(numbering.Learn(0, theirs.Unsaved().definitions).ok());
  EXPECT_EQ(numbering.ForAttribute("size", FactType::kNumber).value(), 1U);
  EXPECT_EQ(numbering.ToStored(1), 0U);
  EXPECT_FALSE(numbering.ForAttribute("size", FactType::kString).ok());
  EXPECT_TRUE(numbering.Unsaved().definitions.empty());
}

class FactsWriterTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    ASSERT_TRUE(numbering_.AddAll(FixedFactDefinitions("USD")).ok());
    store_->SetCommitHook(writer_);
  }
  void TearDown() override { store_ = nullptr; }  // before the hook
  std::vector<facts::FactDefinition> Saved() {
    return Read([](ReadTransaction& transaction) { return transaction.ListFactDefinitions(0); });
  }

  FactNumbering numbering_;
  FixedClock clock_{At("2024-06-30T12:00:00Z")};
  int commits_ = 0;
  FactsWriter writer_{numbering_, clock_, [this] { ++commits_; }, {}};
};

INSTANTIATE_TEST_SUITE_P(All, FactsWriterTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

TEST_P(FactsWriterTest, FactsThatAFailedWriteAddedLeaveNoHoleInTheStoredCatalogue) {
  const auto failed = store_->Write([&](WriteTransaction&) -> absl::Status {
    EXPECT_TRUE(numbering_.ForAttribute("lost", FactType::kNumber).ok());
    return absl::AbortedError("on purpose");
  });
  EXPECT_FALSE(failed.ok());
  AccountRecord account = Account("acme");
  account.state.attributes = {{"kept", 1.0}};
  Write([&](WriteTransaction& transaction) -> absl::Status {
    if (const absl::Status status = transaction.InsertAccount(account); !status.ok()) return status;
    transaction.Touch(account.no);
    return transaction.PutAccountVersion(account.no, account.customer_since, account.state);
  });
  const auto saved = Saved();
  EXPECT_EQ(saved.back().name, "attributes.kept");
  FactNumbering reloaded;
  EXPECT_TRUE(reloaded.Load(saved).ok());
  EXPECT_EQ(reloaded.ForAttribute("kept", FactType::kNumber).value(),
            numbering_.ForAttribute("kept", FactType::kNumber).value());
}

TEST_P(FactsWriterTest, AnAccountThatCannotBeComputedFailsItsOwnWriteAndIsNotStored) {
  ASSERT_TRUE(numbering_.ForAttribute("size", FactType::kString).ok());
  AccountRecord account = Account("acme");
  account.state.attributes = {{"size", 1.0}};
  const auto status = store_
                          ->Write([&](WriteTransaction& transaction) -> absl::Status {
                            if (const absl::Status inserted = transaction.InsertAccount(account); !inserted.ok())
                              return inserted;
                            transaction.Touch(account.no);
                            return transaction.PutAccountVersion(account.no, account.customer_since, account.state);
                          })
                          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Find("acme"), std::nullopt);
  EXPECT_TRUE(Saved().empty());
  Write([](WriteTransaction& transaction) { return transaction.PutSetting("k", "v"); });
  EXPECT_EQ(Saved().size(), numbering_.Unsaved().first);
  EXPECT_EQ(commits_, 1);
}

TEST_P(FactsWriterTest, TouchingAnAccountWhoseFactsStayTakesNoRevision) {
  AccountRecord account = Account("acme");
  const std::int64_t first = Write([&](WriteTransaction& transaction) -> absl::Status {
    if (const absl::Status status = transaction.InsertAccount(account); !status.ok()) return status;
    transaction.Touch(account.no);
    return transaction.PutAccountVersion(account.no, account.customer_since, account.state);
  });
  const std::int64_t again = Write([&](WriteTransaction& transaction) {
    transaction.Touch(account.no);
    return absl::OkStatus();
  });
  EXPECT_EQ(first, 1);
  EXPECT_EQ(again, 1);
}

}  // namespace
}  // namespace perennial::accounts::testing
