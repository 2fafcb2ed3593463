#include "common/storage/postgres_sql.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/storage/postgres_connection.h"
#include "common/storage/sql_dialect.h"

namespace perennial::postgres {
namespace {

constexpr int kMostSetUps = 10;

absl::StatusOr<std::int64_t> One(sql::Connection& connection, absl::string_view sql) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection.Prepare(sql));
  PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
  return statement.Int64(0);
}

// Makes the tables of this file in a database that has none at all.
absl::Status SetUp(PostgresConnection& connection, std::int32_t application_id) {
  return connection.InPlainTransaction([&]() -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(
        const std::int64_t tables,
        One(connection, "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"));
    PERENNIAL_ASSIGN_OR_RETURN(
        const std::int64_t ours,
        One(connection,
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name "
            "= 'perennial_schema'"));
    if (ours > 0) return absl::OkStatus();
    if (tables > 0) {
      return absl::FailedPreconditionError("database belongs to another program; point --database at one of its own");
    }
    return connection.Execute(
        absl::StrCat("CREATE TABLE perennial_schema (one BIGINT PRIMARY KEY, application_id BIGINT NOT NULL, version "
                     "BIGINT NOT NULL);"
                     "CREATE TABLE perennial_writers (writer TEXT PRIMARY KEY, commit_no BIGINT NOT NULL, commit_time "
                     "BIGINT NOT NULL);"
                     "INSERT INTO perennial_schema VALUES (1, ",
                     application_id, ", 0)"));
  });
}

// Another process may have made them between the look and the leap; then the next look finds them.
absl::Status SetUpWithOthers(PostgresConnection& connection, std::int32_t application_id) {
  for (int tries = 1;; ++tries) {
    absl::Status status = SetUp(connection, application_id);
    if (status.ok() || absl::IsFailedPrecondition(status) || absl::IsUnavailable(status) || tries == kMostSetUps)
      return status;
  }
}

absl::Status Migrate(PostgresConnection& connection, const sql::Schema& schema) {
  PERENNIAL_RETURN_IF_ERROR(SetUpWithOthers(connection, schema.application_id));
  const auto newest = static_cast<std::int64_t>(schema.migrations.size());
  std::int64_t version = 0;
  do {
    PERENNIAL_RETURN_IF_ERROR(connection.InTransaction([&]() -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t owner,
                                 One(connection, "SELECT application_id FROM perennial_schema"));
      if (owner != schema.application_id) {
        return absl::FailedPreconditionError("database belongs to another program; point --database at one of its own");
      }
      PERENNIAL_ASSIGN_OR_RETURN(version, One(connection, "SELECT version FROM perennial_schema"));
      if (version > newest) {
        return absl::FailedPreconditionError(absl::StrCat("database has schema ", version, ", this program knows ",
                                                          newest, "; run a newer version of the program"));
      }
      if (version == newest) return absl::OkStatus();
      const std::string& migration = schema.migrations[static_cast<std::size_t>(version)];
      ++version;
      // A migration of much data takes as long as it takes.
      return connection.Execute(absl::StrCat("SET LOCAL statement_timeout = 0;", sql::DdlForPostgres(migration),
                                             ";UPDATE perennial_schema SET version = ", version));
    }));
  } while (version < newest);
  // Connections that are long gone have nothing left to learn.
  PERENNIAL_RETURN_IF_ERROR(connection.InTransaction([&]() -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement clear,
                               connection.Prepare("DELETE FROM perennial_writers WHERE commit_time < ?"));
    return clear.Bind(1, absl::ToUnixMicros(absl::Now() - absl::Hours(24))).Run();
  }));
  connection.ExpectSchema(newest);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<sql::Connection>> OpenSql(Options options, const sql::Schema& schema) {
  auto connection = std::make_unique<PostgresConnection>(std::move(options), Role::kWriter);
  PERENNIAL_RETURN_IF_ERROR(connection->Connect());
  PERENNIAL_RETURN_IF_ERROR(Migrate(*connection, schema));
  return connection;
}

absl::StatusOr<std::unique_ptr<sql::Connection>> OpenSqlReader(Options options) {
  auto connection = std::make_unique<PostgresConnection>(std::move(options), Role::kReader);
  PERENNIAL_RETURN_IF_ERROR(connection->Connect());
  return connection;
}

absl::StatusOr<std::string> ConnectionString(absl::string_view flag) {
  std::string text(flag);
  if (!flag.empty() && flag.front() == '@') {
    std::ifstream file(std::string(flag.substr(1)), std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), {});
    text = std::string(absl::StripAsciiWhitespace(text));
    if (!file.is_open() || text.empty()) {
      return absl::FailedPreconditionError("--database names a file that cannot be read or is empty");
    }
  }
  PQconninfoOption* options = PQconninfoParse(text.c_str(), nullptr);
  if (options == nullptr) {
    return absl::InvalidArgumentError(
        "--database must be a connection string of PostgreSQL, such as postgresql://user@host/database, or @ and a "
        "file that "
        "holds one");
  }
  PQconninfoFree(options);
  return text;
}

}  // namespace perennial::postgres
