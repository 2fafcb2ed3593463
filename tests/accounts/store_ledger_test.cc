// The feed of ledgers and the days of use of a store.
#include <map>

#include "accounts-svc/ledger_feed.h"
#include "common/base/time_util.h"
#include "tests/accounts/server_fixture.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Ids = std::vector<std::string>;

class LedgerStoreTest : public StoreTest {
 protected:
  // Gives the account a ledger of one movement.
  void Put(AccountNo no, const std::string& id, Micros mrr) {
    Write([&](WriteTransaction& transaction) {
      return transaction.ReplaceMovements(
          no, id, {{.kind = MovementKind::kNew, .time = At("2024-02-01T00:00:00Z"), .amount = mrr, .mrr_after = mrr}});
    });
  }
  void Mark(AccountNo no, bool deleted) {
    Write([&](WriteTransaction& transaction) { return transaction.MarkLedger(no, deleted); });
  }
  void SetDeleted(const std::string& id, bool deleted) {
    AccountRecord account = *Find(id);
    account.delete_time.reset();
    if (deleted) account.delete_time = At("2024-03-01T00:00:00Z");
    Write([&](WriteTransaction& transaction) { return transaction.UpdateAccount(account); });
  }
  std::vector<LedgerRow> Feed(std::int64_t after = 0, int limit = 100) {
    return Read([&](ReadTransaction& transaction) { return transaction.ListLedgerFeed(after, limit); });
  }
  Ids FeedIds(std::int64_t after = 0, int limit = 100) {
    Ids ids;
    for (const LedgerRow& row : Feed(after, limit)) ids.push_back(row.account_id + (row.deleted ? " deleted" : ""));
    return ids;
  }
  std::int64_t Last() {
    return Read([](ReadTransaction& transaction) { return transaction.LastLedgerRevision(); });
  }
  Ids MovementIds() {
    Ids ids;
    for (const AccountMovement& movement :
         Read([](ReadTransaction& transaction) { return transaction.ListMovements({.limit = -1}); })) {
      ids.push_back(movement.account_id);
    }
    return ids;
  }
};

TEST_P(LedgerStoreTest, EachChangeOfALedgerMovesItToTheEndOfTheFeed) {
  const AccountNo a = Insert("a");
  const AccountNo b = Insert("b");
  EXPECT_EQ(Last(), 0);
  EXPECT_TRUE(Feed().empty());
  Put(a, "a", 5);
  Put(b, "b", 6);
  EXPECT_EQ(FeedIds(), (Ids{"a", "b"}));
  Put(a, "a", 7);
  EXPECT_EQ(FeedIds(), (Ids{"b", "a"}));
  EXPECT_EQ(Feed()[1].account, a);
  EXPECT_EQ(Last(), 3);
  EXPECT_EQ(FeedIds(2), (Ids{"a"}));
  EXPECT_EQ(FeedIds(0, 1), (Ids{"b"}));
  EXPECT_TRUE(Feed(3).empty());
  Open();
  EXPECT_EQ(FeedIds(), (Ids{"b", "a"}));
}

TEST_P(LedgerStoreTest, OnlyLedgersThatThereAreAreMarkedAndOnlyOnce) {
  const AccountNo a = Insert("a");
  const AccountNo none = Insert("none");
  Put(a, "a", 5);
  Mark(none, true);
  EXPECT_EQ(FeedIds(), (Ids{"a"}));
  Mark(a, true);
  EXPECT_EQ(FeedIds(1), (Ids{"a deleted"}));
  Mark(a, true);
  EXPECT_EQ(Last(), 2);
  Mark(a, false);
  EXPECT_EQ(FeedIds(2), (Ids{"a"}));
}

TEST_P(LedgerStoreTest, APurgedAccountLeavesItsTombstoneUntilItsIdHasALedgerAgain) {
  const AccountNo a = Insert("a");
  Put(a, "a", 5);
  Write([&](WriteTransaction& transaction) -> absl::Status {
    return transaction.BeginPurge(*Find("a"), At("2024-03-01T00:00:00Z")).status();
  });
  EXPECT_EQ(FeedIds(1), (Ids{"a deleted"}));
  const AccountNo again = Insert("a");
  ASSERT_NE(again, a);
  Mark(again, true);
  EXPECT_EQ(Last(), 2) << "the new one has no ledger yet";
  Put(again, "a", 8);
  EXPECT_EQ(FeedIds(), (Ids{"a"}));
  EXPECT_EQ(Feed()[0].account, again);
  EXPECT_EQ(Feed()[0].revision, 3);
}

TEST_P(LedgerStoreTest, ARevisionOfAWriteThatFailedIsGivenOutAgain) {
  const AccountNo a = Insert("a");
  const auto status = store_
                          ->Write([&](WriteTransaction& transaction) -> absl::Status {
                            EXPECT_TRUE(transaction.ReplaceMovements(a, "a", {}).ok());
                            return absl::AbortedError("no");
                          })
                          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Last(), 0);
  Put(a, "a", 5);
  EXPECT_EQ(Last(), 1);
}

TEST_P(LedgerStoreTest, MovementsOfDeletedAccountsAreListedForThemAloneOnly) {
  const AccountNo a = Insert("a");
  Put(a, "a", 5);
  Put(Insert("b"), "b", 6);
  EXPECT_EQ(MovementIds(), (Ids{"a", "b"}));
  SetDeleted("a", true);
  EXPECT_EQ(MovementIds(), (Ids{"b"}));
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.ListMovements({.account = a}); }).size(), 1U);
  SetDeleted("a", false);
  EXPECT_EQ(MovementIds(), (Ids{"a", "b"}));
}

TEST_P(LedgerStoreTest, IdsOfLiveAccountsComeInOrderPageByPage) {
  for (const char* id : {"c", "a-b", "a", "B"}) Insert(id);
  SetDeleted("c", true);
  const auto ids = [&](const std::string& after, int limit) {
    Ids out;
    for (const LiveAccountId& account :
         Read([&](ReadTransaction& transaction) { return transaction.ListAccountIds(after, limit); })) {
      EXPECT_EQ(Find(account.id)->no, account.no);
      out.push_back(account.id);
    }
    return out;
  };
  EXPECT_EQ(ids("", 10), (Ids{"B", "a", "a-b"})) << "by bytes, whatever the database's language";
  EXPECT_EQ(ids("B", 1), (Ids{"a"}));
  EXPECT_TRUE(ids("a-b", 10).empty());
}

TEST_P(LedgerStoreTest, DaysOfUseAreThoseOfOneMetricWithinBounds) {
  const AccountNo a = Insert("a");
  std::int64_t metric = 0;
  Write([&](WriteTransaction& transaction) -> absl::Status {
    metric = transaction.MetricNo("logins", At("2024-01-01T00:00:00Z")).value_or(-1);
    const std::int64_t other = transaction.MetricNo("exports", At("2024-01-01T00:00:00Z")).value_or(-1);
    int id = 0;
    const auto use = [&](std::int64_t of, absl::string_view time, double value) {
      EXPECT_TRUE(transaction.InsertUsage(
          a, {.record_id = std::to_string(++id), .metric = of, .time = At(time), .value = value}).ok());
    };
    use(metric, "1969-12-31T23:00:00Z", 1);
    use(metric, "2024-01-02T01:00:00Z", 2);
    use(metric, "2024-01-02T02:00:00Z", 4);
    use(other, "2024-01-02T02:00:00Z", 100);
    use(metric, "2024-01-04T02:00:00Z", 0);
    return absl::OkStatus();
  });
  const std::int64_t second = DayOf(At("2024-01-02T00:00:00Z"));
  const auto days = [&](std::int64_t after, std::int64_t end, int limit) {
    std::vector<std::pair<std::int64_t, double>> out;
    for (const DayOfUse& day : Read(
             [&](ReadTransaction& transaction) { return transaction.ListDaysOfUse(a, metric, after, end, limit); })) {
      out.emplace_back(day.day, day.total);
    }
    return out;
  };
  using Days = std::vector<std::pair<std::int64_t, double>>;
  EXPECT_EQ(days(INT64_MIN, INT64_MAX, 10), (Days{{-1, 1}, {second, 6}, {second + 2, 0}}));
  EXPECT_EQ(days(-1, second + 2, 10), (Days{{second, 6}}));
  EXPECT_EQ(days(INT64_MIN, INT64_MAX, 1), (Days{{-1, 1}}));
  const auto sum = [&](absl::string_view begin, absl::string_view end) {
    return Read([&](ReadTransaction& transaction) { return transaction.SumUse(a, metric, At(begin), At(end)); });
  };
  EXPECT_EQ(sum("2024-01-02T00:00:00Z", "2024-01-02T02:00:00Z"), 2) << "the end does not count";
  EXPECT_EQ(sum("2024-01-04T00:00:00Z", "2024-01-05T00:00:00Z"), 0);
  EXPECT_EQ(sum("2024-01-03T00:00:00Z", "2024-01-04T00:00:00Z"), std::nullopt);
}

// Reads all that the feed has from a revision on, joined from its parts; how many parts there were but for the last ones.
struct ReadLedgers {
  std::map<std::string, int> movements;
  int parts = 0;
  std::int64_t revision = 0;
};
ReadLedgers ReadAll(LedgerCursor cursor) {
  ReadLedgers all;
  v1::AccountLedger begun;
  for (;;) {
    const auto message = cursor.Next();
    EXPECT_TRUE(message.ok()) << message.status();
    if (!message.ok() || !message->has_value()) return all;
    all.revision = (*message)->progress_revision();
    for (const v1::AccountLedger& ledger : (*message)->ledgers()) {
      EXPECT_EQ(ledger.continues_previous(), !begun.account().empty());
      if (ledger.continues_previous()) {
        EXPECT_EQ(ledger.account(), begun.account());
      }
      begun.MergeFrom(ledger);
      if (ledger.continues_next()) {
        EXPECT_EQ(&ledger, &*(*message)->ledgers().rbegin());
        EXPECT_LT(all.revision, ledger.revision());
        ++all.parts;
        continue;
      }
      for (int i = 0; i + 1 < begun.movements_size(); ++i) {
        EXPECT_LT(ToTime(begun.movements(i).effective_time()), ToTime(begun.movements(i + 1).effective_time()));
      }
      all.movements[begun.account()] = begun.movements_size();
      begun.Clear();
    }
  }
}

TEST_P(LedgerStoreTest, ALedgerTooGreatForAMessageComesInPartsAndIsWholeTogether) {
  const std::vector<std::pair<std::string, int>> ledgers = {{"a", 3}, {"great", 700}, {"b", 2}, {"c", 110}};
  for (const auto& [id, count] : ledgers) {
    std::vector<Movement> movements;
    for (int i = 0; i < count; ++i) {
      movements.push_back({.kind = MovementKind::kExpansion,
                           .time = absl::UnixEpoch() + absl::Hours(i),
                           .amount = kMicrosPerUnit,
                           .mrr_after = (1 + i) * kMicrosPerUnit});
    }
    const AccountNo no = Insert(id);
    Write([&](WriteTransaction& transaction) { return transaction.ReplaceMovements(no, id, movements); });
  }
  TestClock clock(At("2024-06-30T12:00:00Z"));
  const std::map<std::string, int> expected = {
      {"accounts/a", 3}, {"accounts/great", 700}, {"accounts/b", 2}, {"accounts/c", 110}};
  const ReadLedgers all = ReadAll(LedgerCursor(*store_, clock, "USD", "", 0, 4000));
  EXPECT_EQ(all.movements, expected);
  EXPECT_GT(all.parts, 4);
  EXPECT_EQ(all.revision, 4);
  EXPECT_EQ(ReadAll(LedgerCursor(*store_, clock, "USD", "", 1, 4000)).movements.size(), 3U)
      << "who resumes within the great one gets all of it";
  EXPECT_EQ(ReadAll(LedgerCursor(*store_, clock, "USD", "", 0)).parts, 0);
}

INSTANTIATE_TEST_SUITE_P(All, LedgerStoreTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace perennial::accounts::testing
