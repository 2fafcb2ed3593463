// What PurgeAccount leaves in the files of a SQLite database.
#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/match.h"
#include "accounts-svc/store/account_tables.h"
#include "accounts-svc/store/sql_store.h"
#include "common/storage/sqlite.h"
#include "tests/accounts/purge_fixture.h"

namespace perennial::accounts::testing {
namespace {

std::set<std::string> TablesWithAccounts(sqlite::Connection& connection) {
  std::set<std::string> tables;
  auto rows = connection.Prepare(
      "SELECT DISTINCT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = "
      "'account_no'");
  EXPECT_TRUE(rows.ok()) << rows.status();
  while (*rows->Step()) tables.insert(rows->Text(0));
  return tables;
}

std::int64_t CountIn(sqlite::Connection& connection, const std::string& table, AccountNo no) {
  auto count = connection.Prepare("SELECT count(*) FROM " + table + " WHERE account_no = ?");
  EXPECT_TRUE(count.ok()) << table << ": " << count.status();
  EXPECT_TRUE(*count->Bind(1, no).Step());
  return count->Int64(0);
}

class PurgeFilesTest : public PurgeTest {
 protected:
  [[nodiscard]] std::string path() const { return folder_.path() + "/accounts.db"; }
  // How often the marker stands in the database and its log.
  [[nodiscard]] int Markers() const {
    int count = 0;
    for (const char* suffix : {"", "-wal"}) {
      std::ifstream file(path() + suffix, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      for (auto at = bytes.find(kMarker); at != std::string::npos; at = bytes.find(kMarker, at + 1)) ++count;
    }
    return count;
  }
};

TEST_F(PurgeFilesTest, EveryTableWithAnAccountsNumberIsListedAndEmptied) {
  FillAcme();
  auto connection = sqlite::Connection::OpenReader(path());
  ASSERT_TRUE(connection.ok()) << connection.status();
  const std::set<std::string> tables = TablesWithAccounts(**connection);
  // Facts and ledgers keep a tombstone; that of a ledger names no account.
  std::set<std::string> listed{"facts", "ledgers"};
  for (const AccountTable& table : AccountTables()) listed.insert(table.name);
  EXPECT_EQ(tables, listed) << "a new table belongs in AccountTables()";
  std::set<std::string> filled;
  for (const std::string& table : tables) {
    if (CountIn(**connection, table, 1) > 0) filled.insert(table);
  }
  EXPECT_GE(filled.size(), 15U) << "the account has something of most things";
  connection->reset();

  ASSERT_TRUE(Delete("acme").ok());
  ASSERT_TRUE(Purge("acme").ok());
  connection = sqlite::Connection::OpenReader(path());
  for (const std::string& table : tables) {
    EXPECT_EQ(CountIn(**connection, table, 1), table == "facts" ? 1 : 0) << table;
  }
}

TEST_F(PurgeFilesTest, ItsBytesAreGoneFromTheDatabaseAndItsLog) {
  FillAcme();
  CreateAccount("zeta");
  Write({Usage("zeta", "z", "logins")});
  EXPECT_GT(Markers(), 300);
  ASSERT_TRUE(Delete("acme").ok());
  ASSERT_TRUE(Purge("acme").ok());
  EXPECT_EQ(Markers(), 0);
  server_ = nullptr;
  EXPECT_EQ(Markers(), 0);
}

TEST_F(PurgeFilesTest, APurgeThatWasCutOffIsFinishedByTheNextProcess) {
  FillAcme();
  ASSERT_TRUE(Delete("acme").ok());
  server_ = nullptr;
  {
    const auto store = SqlStore::OpenSqlite(path());
    ASSERT_TRUE(store.ok()) << store.status();
    const auto begun = (*store)->Write([&](WriteTransaction& transaction) -> absl::Status {
      const auto account = transaction.FindAccount("acme");
      if (!account.ok()) return account.status();
      return transaction.BeginPurge(**account, clock_.Now()).status();
    });
    ASSERT_TRUE(begun.ok()) << begun.status();
  }
  EXPECT_GT(Markers(), 0);
  Restart();
  EXPECT_TRUE(Eventually([&] { return Markers() == 0; }));
}

}  // namespace
}  // namespace perennial::accounts::testing
