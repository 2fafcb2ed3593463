// What a SQLite file must be for the store to open it.
#include <sqlite3.h>

#include <fstream>

#include "accounts-svc/store/schema.h"
#include "accounts-svc/store/sql_store.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

class SqliteStoreFilesTest : public ::testing::Test {
 protected:
  absl::Status OpenStatus() { return SqlStore::OpenSqlite(path_).status(); }
  void Execute(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  TempFolder folder_;
  const std::string path_ = folder_.path() + "/accounts.db";
};

TEST_F(SqliteStoreFilesTest, ANewFileIsMadeAndOpenedAgain) {
  EXPECT_TRUE(OpenStatus().ok());
  EXPECT_TRUE(OpenStatus().ok());
}

TEST_F(SqliteStoreFilesTest, ANewerSchemaIsRefused) {
  ASSERT_TRUE(OpenStatus().ok());
  Execute("PRAGMA user_version = 999");
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(OpenStatus().message().find("newer"), absl::string_view::npos) << OpenStatus();
}

TEST_F(SqliteStoreFilesTest, ADatabaseOfAnotherProgramIsRefusedAndNotTouched) {
  Execute("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kFailedPrecondition);
  Execute("PRAGMA user_version = 3");
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kFailedPrecondition);
  Execute("UPDATE theirs SET x = 2");
  EXPECT_EQ(OpenStatus().message(), "database belongs to another program; point --data at its own folder");
}

TEST_F(SqliteStoreFilesTest, ADatabaseOfAnotherServiceIsRefused) {
  ASSERT_TRUE(OpenStatus().ok());
  Execute("PRAGMA application_id = 12345");
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SqliteStoreFilesTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(path_) << std::string(10000, 'x');
  const absl::Status status = OpenStatus();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.code(), absl::StatusCode::kInternal) << status;
}

TEST_F(SqliteStoreFilesTest, AFolderThatDoesNotExistIsRefused) {
  EXPECT_EQ(SqlStore::OpenSqlite(folder_.path() + "/absent/accounts.db").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(SqliteStoreFilesTest, TheSchemaHasNoTableThatIsNotStrict) {
  ASSERT_TRUE(OpenStatus().ok());
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  int loose = -1;
  const auto count = [](void* out, int, char** values, char**) {
    *static_cast<int*>(out) = std::atoi(values[0]);
    return 0;
  };
  ASSERT_EQ(sqlite3_exec(db, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict "
                             "AND name NOT LIKE 'sqlite_%'", count, &loose, nullptr), SQLITE_OK);
  sqlite3_close(db);
  EXPECT_EQ(loose, 0);
}

}  // namespace
}  // namespace perennial::accounts::testing
