#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/storage/postgres_sql.h"
#include "common/storage/sql.h"
#include "common/storage/sqlite_sql.h"
#include "tests/testing/postgres_fixture.h"
#include "tests/testing/process.h"

namespace perennial::testing {

constexpr std::int32_t kTestApplication = 0x7e57;

// A table that has every type.
inline sql::Schema TestSchema() {
  return {.application_id = kTestApplication, .migrations = {R"sql(
CREATE TABLE things (
  no INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,       -- an INTEGER would not do
  amount INTEGER,
  weight REAL,
  bytes BLOB
) STRICT;
CREATE TABLE days (
  day INTEGER NOT NULL,
  "user" TEXT NOT NULL,
  total INTEGER NOT NULL,
  PRIMARY KEY (day, "user")
) STRICT, WITHOUT ROWID;
)sql"}};
}

// One kind of database under test.
struct SqlKind {
  std::string name;
  bool postgres = false;
  bool serializable = false;
};
inline void PrintTo(const SqlKind& kind, std::ostream* out) { *out << kind.name; }
inline std::string NameOf(const ::testing::TestParamInfo<SqlKind>& info) { return info.param.name; }

inline const std::vector<SqlKind>& SqlKinds() {
  static const std::vector<SqlKind> kinds = {{.name = "Sqlite"},
                                             {.name = "Postgres", .postgres = true},
                                             {.name = "PostgresSerializable", .postgres = true, .serializable = true}};
  return kinds;
}

// A database of the test's own.
class SqlTest : public ::testing::TestWithParam<SqlKind> {
 protected:
  using Opened = absl::StatusOr<std::unique_ptr<sql::Connection>>;

  void SetUp() override {
    if (!GetParam().postgres) return;
    if (!PostgresCluster::Installed()) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    static int count = 0;
    connection_string_ = PostgresCluster::Shared().Connection(
        absl::StrCat("test", count++), GetParam().serializable
                                           ? std::vector<std::string>{"default_transaction_isolation=serializable"}
                                           : std::vector<std::string>{});
  }

  [[nodiscard]] postgres::Options PostgresOptions() const {
    return {.connection = connection_string_, .serializable = GetParam().serializable};
  }
  Opened TryOpen(const sql::Schema& schema = TestSchema()) {
    if (GetParam().postgres) return postgres::OpenSql(PostgresOptions(), schema);
    return sqlite::OpenSql(folder_.path() + "/test.db", sqlite::Durability::kFull, schema);
  }
  Opened TryOpenReader() {
    if (GetParam().postgres) return postgres::OpenSqlReader(PostgresOptions());
    return sqlite::OpenSqlReader(folder_.path() + "/test.db");
  }
  std::unique_ptr<sql::Connection> Open() {
    auto connection = TryOpen();
    if (connection.ok()) return *std::move(connection);
    ADD_FAILURE() << connection.status();
    return nullptr;
  }

  // Runs `use` with the statement, which must be prepared.
  template <class Use>
  static auto With(sql::Connection& connection, absl::string_view sql, Use use) {
    auto statement = connection.Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status() << " in " << sql;
    return use(*statement);
  }
  static absl::Status Insert(sql::Connection& connection, int no, absl::string_view name) {
    return With(connection, "INSERT INTO things (no, name) VALUES (?, ?)",
                [&](sql::Statement& insert) { return insert.Bind(1, no).Bind(2, name).Run(); });
  }
  static std::int64_t Count(sql::Connection& connection) {
    return With(connection, "SELECT count(*) FROM things", [](sql::Statement& count) {
      EXPECT_TRUE(count.Step().ok());
      return count.Int64(0);
    });
  }
  static std::vector<std::string> Names(sql::Connection& connection) {
    return With(connection, "SELECT name FROM things ORDER BY name", [](sql::Statement& list) {
      std::vector<std::string> names;
      while (list.Step().value_or(false)) names.push_back(list.Text(0));
      return names;
    });
  }

  TemporaryFolder folder_;
  std::string connection_string_;
};

}  // namespace perennial::testing
