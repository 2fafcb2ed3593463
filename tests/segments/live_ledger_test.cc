// The ledger as the feed of accounts-svc keeps it.

#include "segment-svc/ledger/live_ledger.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/segments/movements_feed.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::At;
using testing::MovementsFeed;

class LiveLedgerTest : public ::testing::Test {
 protected:
  absl::Status Sync() { return ledger.Apply(feed.Since(ledger.position().revision)); }
  // MRR of an account after each of its steps, in units.
  std::vector<double> StepsOf(const std::string& account) {
    std::vector<double> found;
    const absl::Status status = ledger.Read([&](const RevenueLedger& steps, std::int64_t) {
      for (const MrrStep& step : steps.StepsOf(rows[account])) found.push_back(NumberOfMicros(step.mrr));
      return absl::OkStatus();
    });
    EXPECT_THAT(status, IsOk());
    return found;
  }

  MovementsFeed feed;
  std::map<std::string, facts::RowId> rows;
  LiveLedger ledger{"USD", [known = &rows](absl::Span<const std::string> ids) {
                      std::vector<facts::RowId> found;
                      for (const std::string& id : ids) {
                        found.push_back(known->try_emplace(id, static_cast<facts::RowId>(known->size())).first->second);
                      }
                      return found;
                    }};
};

TEST_F(LiveLedgerTest, IsNotThereBeforeAllOfItHasCome) {
  feed.Put("acme", {{"2024-01-01", 10}});
  auto message = feed.Since(0);
  message.set_caught_up(false);
  ASSERT_THAT(ledger.Apply(message), IsOk());
  const auto read = [](const RevenueLedger&, std::int64_t) { return absl::OkStatus(); };
  EXPECT_THAT(ledger.Read(read), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(ledger.caught_up());
  ASSERT_THAT(Sync(), IsOk());
  EXPECT_THAT(ledger.Read(read), IsOk());
  EXPECT_EQ(ledger.position().revision, 1);
  EXPECT_EQ(ledger.position().feed_id, "first");
}

TEST_F(LiveLedgerTest, KeepsTheNewestLedgerOfEachAccount) {
  feed.Put("acme", {{"2024-01-01", 10}, {"2024-02-01", 0.000001}});
  feed.Put("beta", {{"2024-01-01", 7}});
  ASSERT_THAT(Sync(), IsOk());
  EXPECT_THAT(StepsOf("acme"), ElementsAre(10, 0.000001));
  feed.Put("acme", {{"2024-01-01", 10}, {"2024-02-01", 20}, {"2024-03-01T01:02:03.5Z", 30}});
  feed.Delete("beta");
  ASSERT_THAT(Sync(), IsOk());
  EXPECT_THAT(StepsOf("acme"), ElementsAre(10, 20, 30));
  EXPECT_THAT(StepsOf("beta"), IsEmpty());
  feed.Put("acme", {});
  ASSERT_THAT(Sync(), IsOk());
  EXPECT_THAT(StepsOf("acme"), IsEmpty());
  EXPECT_EQ(ledger.position().revision, feed.revision());
}

TEST_F(LiveLedgerTest, TakesALedgerInPartsOnceAllOfItHasCome) {
  feed.Put("acme", {{"2024-01-01", 10}});
  ASSERT_THAT(Sync(), IsOk());
  feed.Put("acme", {{"2024-01-01", 1}, {"2024-02-01", 2}, {"2024-03-01", 3}});
  auto first = feed.Since(1);
  auto last = first;
  first.set_caught_up(false);
  first.set_progress_revision(1);
  first.mutable_ledgers(0)->mutable_movements()->DeleteSubrange(2, 1);
  first.mutable_ledgers(0)->set_continues_next(true);
  last.mutable_ledgers(0)->mutable_movements()->DeleteSubrange(0, 2);
  last.mutable_ledgers(0)->set_continues_previous(true);
  for (int again = 0; again < 2; ++again) {  // cut between the parts, it comes anew from its beginning
    ASSERT_THAT(ledger.Apply(first), IsOk());
    EXPECT_THAT(StepsOf("acme"), ElementsAre(10));
    EXPECT_EQ(ledger.position().revision, 1);
  }
  ASSERT_THAT(ledger.Apply(last), IsOk());
  EXPECT_THAT(StepsOf("acme"), ElementsAre(1, 2, 3));
  EXPECT_EQ(ledger.position().revision, 2);
  EXPECT_THAT(ledger.Apply(last), HasCode(absl::StatusCode::kDataLoss)) << "a part without its beginning";
}

TEST_F(LiveLedgerTest, BeginsAnewWithAnotherFeed) {
  feed.Put("acme", {{"2024-01-01", 10}});
  feed.Put("gone", {{"2024-01-01", 10}});
  ASSERT_THAT(Sync(), IsOk());
  ledger.Rewind();
  EXPECT_FALSE(ledger.caught_up());
  EXPECT_EQ(ledger.position().revision, 0);
  EXPECT_EQ(ledger.position().feed_id, "");
  feed = MovementsFeed();
  feed.SetFeedId("second");
  feed.Put("acme", {{"2024-01-01", 5}});
  ASSERT_THAT(Sync(), IsOk());
  EXPECT_THAT(StepsOf("acme"), ElementsAre(5));
  EXPECT_THAT(StepsOf("gone"), IsEmpty());
  EXPECT_EQ(ledger.position().feed_id, "second");
}

using Spoil = std::function<void(perennial::accounts::v1::AccountLedger&)>;

class LiveLedgerNonsenseTest : public LiveLedgerTest, public ::testing::WithParamInterface<Spoil> {};

TEST_P(LiveLedgerNonsenseTest, IsRefusedAndNothingOfItApplied) {
  feed.Put("acme", {{"2024-01-01", 10}});
  ASSERT_THAT(Sync(), IsOk());
  feed.Put("acme", {{"2024-01-01", 20}});
  feed.Put("beta", {{"2024-01-01", 10}, {"2024-02-01", 20}});
  auto message = feed.Since(1);
  GetParam()(*message.mutable_ledgers(1));
  EXPECT_THAT(ledger.Apply(message), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(StepsOf("acme"), ElementsAre(10));
  EXPECT_EQ(ledger.position().revision, 1);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, LiveLedgerNonsenseTest,
    ::testing::Values([](auto& ledger) { ledger.set_account("beta"); },
                      [](auto& ledger) { ledger.mutable_movements(0)->mutable_mrr_after()->set_amount("ten"); },
                      [](auto& ledger) { ledger.mutable_movements(0)->mutable_mrr_after()->set_amount("-1"); },
                      [](auto& ledger) { ledger.mutable_movements(1)->mutable_mrr_after()->set_currency_code("EUR"); },
                      [](auto& ledger) { ledger.mutable_movements(1)->mutable_effective_time()->set_seconds(1); },
                      [](auto& ledger) { ledger.mutable_movements(1)->mutable_effective_time()->set_nanos(-1); }));

}  // namespace
}  // namespace perennial::segments
