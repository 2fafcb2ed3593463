// A database that an earlier version of this program wrote.
#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "accounts-svc/hierarchy.h"
#include "accounts-svc/store/schema.h"
#include "accounts-svc/store/sql_store.h"
#include "common/base/time_util.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {
namespace {

TEST(Migration, AFileOfTheFirstVersionIsBroughtUpToDateWithWhatIsInIt) {
  const TempFolder folder;
  const std::string path = folder.path() + "/accounts.db";
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  const std::string sql =
      absl::StrCat(AccountsSchema().migrations.at(0), ";PRAGMA application_id = ", kAccountsApplicationId,
                   ";PRAGMA user_version = 1; INSERT INTO accounts VALUES (7, 'acme', 'Acme', x'', 1, 2, 3, NULL, 4);"
                   "INSERT INTO account_versions VALUES (7, 1, x'');");
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);

  const auto store = SqlStore::OpenSqlite(path);
  ASSERT_TRUE(store.ok()) << store.status();
  const absl::Time now = absl::FromUnixMicros(5);
  const auto status = (*store)->Write([&](WriteTransaction& transaction) -> absl::Status {
    const auto account = transaction.FindAccount("acme");
    EXPECT_TRUE(account.ok() && account->has_value());
    EXPECT_EQ((*account)->no, 7);
    EXPECT_EQ((*account)->version, 4);
    TaskRecord task{
        .account = 7, .account_id = "acme", .id = "t", .entry_time = now, .create_time = now, .update_time = now};
    return transaction.PutTask(task);
  });
  EXPECT_TRUE(status.ok()) << status.status();
}

TEST(Migration, ParentsThatWereStoredBeforeTheyWereListedAreListedOnce) {
  const TempFolder folder;
  const std::string path = folder.path() + "/accounts.db";
  const absl::Time then = At("2024-01-01T00:00:00Z");
  {
    const auto store = SqlStore::OpenSqlite(path);
    ASSERT_TRUE(store.ok()) << store.status();
    const auto status = (*store)->Write([&](WriteTransaction& transaction) -> absl::Status {
      for (const char* id : {"top", "low"}) {
        AccountRecord account{.id = id, .customer_since = then, .create_time = then, .update_time = then};
        if (id == std::string("low")) account.state.parent = "top";
        if (auto inserted = transaction.InsertAccount(account); !inserted.ok()) return inserted;
        if (auto put = transaction.PutAccountVersion(account.no, then, account.state); !put.ok()) return put;
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status.status();
  }
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, "DELETE FROM account_parents", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);

  const auto store = SqlStore::OpenSqlite(path);
  ASSERT_TRUE(store.ok()) << store.status();
  const auto children = [&] {
    std::vector<ChildAccount> found;
    EXPECT_TRUE((*store)
                    ->Read([&](ReadTransaction& transaction) -> absl::Status {
                      auto listed = transaction.ListChildren("top", then, 10);
                      if (listed.ok()) found = *std::move(listed);
                      return listed.status();
                    })
                    .ok());
    return found.size();
  };
  EXPECT_EQ(children(), 0U);
  EXPECT_TRUE(ListFormerParents(**store).ok());
  EXPECT_EQ(children(), 1U);
  EXPECT_TRUE(ListFormerParents(**store).ok());
  EXPECT_EQ(children(), 1U);
}

using StaleFactsTest = CareTest;

TEST_F(StaleFactsTest, AreComputedAnewWhenTheProgramHasOthersThanTheOneThatWroteThem) {
  v1::ListAccountsRequest list;
  list.set_filter("goals.active = 0");
  const auto count = [&] {
    v1::ListAccountsResponse response;
    EXPECT_TRUE(Send(*accounts_, &v1::AccountService::Stub::ListAccounts, list, &response).ok());
    return response.accounts_size();
  };
  EXPECT_EQ(count(), 1);
  server_ = nullptr;
  {
    const auto store = SqlStore::OpenSqlite(folder_.path() + "/accounts.db");
    ASSERT_TRUE(store.ok()) << store.status();
    const auto status = (*store)->Write([&](WriteTransaction& transaction) -> absl::Status {
      const auto account = transaction.FindAccount("acme");
      if (!account.ok()) return account.status();
      // What the first version left after a sweep of today: no facts of goals.
      if (const auto put = transaction.PutFacts((*account)->no, {.account_id = "acme", .as_of = clock_.Now()});
          !put.ok()) {
        return put.status();
      }
      return transaction.PutSetting("swept", absl::StrCat(DayOf(clock_.Now()), "/0"));
    });
    ASSERT_TRUE(status.ok()) << status.status();
  }
  Restart();
  EXPECT_TRUE(Eventually([&] { return count() == 1; })) << "without waiting for midnight";
}

}  // namespace
}  // namespace perennial::accounts::testing
