#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/storage/postgres_sql.h"
#include "common/storage/postgres_statement.h"
#include "common/storage/sql.h"

namespace perennial::postgres {

enum class Role { kWriter, kReader };

// sql::Connection on one libpq connection.
class PostgresConnection final : public sql::Connection, private Session {
 public:
  PostgresConnection(Options options, Role role);

  // Connects, or connects anew.
  absl::Status Connect();
  // From now on write transactions insist on this version of the schema.
  void ExpectSchema(std::int64_t version) { schema_version_ = version; }

  absl::Status Execute(const std::string& sql) override;
  absl::StatusOr<sql::Statement> Prepare(absl::string_view sql) override;
  [[nodiscard]] std::int64_t changes() const override { return changes_; }
  absl::Status InTransaction(const Body& body) override;
  absl::Status InSavepoint(const Body& body) override;
  [[nodiscard]] bool CanContinue() const override { return !lost_ && !conflict_ && in_transaction_; }
  absl::Status InSnapshot(const Body& body) override;
  [[nodiscard]] bool alive() const override { return !lost_; }
  // A transaction without the writers' lock and its table, which do not exist yet when a database is set up.
  absl::Status InPlainTransaction(const Body& body);

 private:
  struct FreeConnection {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  [[nodiscard]] PGconn* handle() override { return connection_.get(); }
  absl::Status Check(const PGresult* result) override;
  absl::Status Fail(absl::Status status) override;
  void SetChanges(std::int64_t rows) override { changes_ = rows; }

  absl::Status Begin(const char* begin);
  absl::Status Commit();
  void Rollback(const char* rollback);
  // One attempt of InTransaction.
  absl::Status TryTransaction(const Body& body);
  // Runs `body`; rolls back when it fails, throws, or hid the failure of a statement.
  absl::Status RunBody(const char* rollback, const Body& body);
  // Waits for other writers and holds them up until the transaction ends.
  absl::Status LockWriters();
  // Writes down, within the transaction, which commit of this connection it is.
  absl::Status NoteCommit(std::int64_t number);
  // After the connection was lost during COMMIT: whether that commit took place; an error when it cannot be told.
  absl::StatusOr<bool> Committed(std::int64_t number);

  const Options options_;
  const Role role_;
  const std::string writer_;  // this connection's name in perennial_writers
  std::optional<std::int64_t> schema_version_;
  std::int64_t commits_ = 0;  // begun
  std::minstd_rand random_;
  std::unique_ptr<PGconn, FreeConnection> connection_;
  std::int64_t prepared_ = 0;
  std::int64_t changes_ = 0;
  bool in_transaction_ = false;
  bool lost_ = true;
  bool conflict_ = false;
  absl::Status failure_;  // first error of a statement within the transaction or savepoint that runs
  absl::flat_hash_map<std::string, std::unique_ptr<PreparedStatement>> statements_;  // gone before the connection
};

}  // namespace perennial::postgres
