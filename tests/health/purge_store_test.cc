// What is left of an account that was purged, in the store.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "health-svc/store/sqlite_health_store.h"
#include "tests/testing/process.h"
#include "tests/testing/status_matchers.h"

namespace perennial::health {
namespace {

using ::perennial::testing::IsOk;

constexpr char kMarker[] = "QQMARKERQQ";

class PurgeStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = SqliteHealthStore::Open(path_);
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }
  // A history of `entries`, an open flag, and the tombstone that the deletion left.
  void Fill(const std::string& account, std::int64_t revision, int entries) {
    HealthBatch batch;
    batch.scores.push_back({.account_id = account, .revision = revision, .deleted = true});
    for (int i = 0; i < entries; ++i) {
      StoredChange change{.account_id = account};
      *change.change.mutable_start_time() = ToTimestamp(absl::FromUnixSeconds(1000 * revision + i));
      change.change.set_band(account == "acme" ? kMarker : "green");
      batch.changes.push_back(change);
    }
    StoredFlag flag{.account_id = account, .rule = "silent", .revision = revision};
    flag.standing.open = true;
    flag.transitions.emplace_back().set_actor(account == "acme" ? kMarker : "bob");
    batch.flags.push_back(flag);
    ASSERT_THAT(store_->Commit(batch), IsOk());
  }
  std::size_t Entries(const std::string& account) {
    const auto history = store_->ListHistory({.account_id = account});
    EXPECT_THAT(history, IsOk());
    return history->size();
  }
  std::set<std::string> Flagged() {
    std::set<std::string> accounts;
    EXPECT_THAT(store_->VisitFlags([&](const StoredFlag& flag) {
      accounts.insert(flag.account_id);
      return absl::OkStatus();
    }),
                IsOk());
    return accounts;
  }
  [[nodiscard]] bool HasMarker() const {
    for (const char* suffix : {"", "-wal"}) {
      std::ifstream file(path_ + suffix, std::ios::binary);
      if (absl::StrContains(std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()),
                            kMarker)) {
        return true;
      }
    }
    return false;
  }

  const perennial::testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/health.db";
  std::unique_ptr<SqliteHealthStore> store_;
};

TEST_F(PurgeStoreTest, HistoryAndFlagsAreGoneAndTheTombstoneStays) {
  Fill("acme", 1, 20);
  Fill("zeta", 2, 3);
  EXPECT_TRUE(HasMarker());
  ASSERT_THAT(store_->Purge({{"acme", 7}}), IsOk());
  EXPECT_EQ(Entries("acme"), 0U);
  EXPECT_EQ(Entries("zeta"), 3U);
  EXPECT_EQ(Flagged(), std::set<std::string>{"zeta"});
  EXPECT_FALSE(HasMarker()) << "nor its bytes";
  const auto score = store_->GetScore("acme");
  ASSERT_THAT(score, IsOk());
  EXPECT_TRUE(score->deleted);
}

TEST_F(PurgeStoreTest, IsCarriedOutOnceForEachTombstone) {
  Fill("acme", 1, 5);
  ASSERT_THAT(store_->Purge({{"acme", 7}}), IsOk());
  Fill("acme", 2, 4);  // a new account of that id
  ASSERT_THAT(store_->Purge({{"acme", 7}}), IsOk());
  EXPECT_EQ(Entries("acme"), 4U);
  ASSERT_THAT(store_->Purge({{"acme", 9}}), IsOk());
  EXPECT_EQ(Entries("acme"), 0U);
}

TEST_F(PurgeStoreTest, EveryTableWithAnAccountsIdIsErased) {
  auto connection = sqlite::Connection::OpenReader(path_);
  ASSERT_THAT(connection, IsOk());
  std::set<std::string> tables;
  {
    auto rows = (*connection)
                    ->Prepare("SELECT DISTINCT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = "
                              "'table' AND c.name IN ('account_id', 'account')");
    ASSERT_THAT(rows, IsOk());
    while (*rows->Step()) tables.insert(rows->Text(0));
  }
  // `scores` keeps tombstones, `purges` which were carried out. Another table belongs into SqliteHealthStore::Purge.
  EXPECT_EQ(tables, (std::set<std::string>{"carried", "flags", "purges", "score_history", "scores"}));
}

}  // namespace
}  // namespace perennial::health
