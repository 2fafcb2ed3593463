#include "common/storage/sqlite_sql.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/base/status_macros.h"

namespace perennial::sqlite {
namespace {

// The first error of a statement within the transaction or savepoint that runs: PostgreSQL would not go on after it, so
// this does not either.
struct Failure {
  absl::Status status;
};

class SqlStatement final : public sql::StatementDriver {
 public:
  SqlStatement(sqlite::Statement statement, Failure& failure) : statement_(std::move(statement)), failure_(failure) {}

  void BindText(int index, absl::string_view text) override { statement_.Bind(index, text); }
  void BindBlob(int index, absl::string_view bytes) override { statement_.BindBlob(index, bytes); }
  void BindInt64(int index, std::int64_t value) override { statement_.Bind(index, value); }
  void BindDouble(int index, double value) override { statement_.Bind(index, value); }
  void BindNull(int index) override { statement_.BindNull(index); }
  absl::StatusOr<bool> Step() override {
    absl::StatusOr<bool> row = statement_.Step();
    if (!row.ok()) failure_.status.Update(row.status());
    return row;
  }
  void Reset() override { statement_.Reset(); }
  [[nodiscard]] bool IsNull(int column) const override { return statement_.IsNull(column); }
  [[nodiscard]] absl::string_view View(int column) const override { return statement_.View(column); }
  [[nodiscard]] std::int64_t Int64(int column) const override { return statement_.Int64(column); }
  [[nodiscard]] double Double(int column) const override { return statement_.Double(column); }

 private:
  sqlite::Statement statement_;
  Failure& failure_;
};

class SqlConnection final : public sql::Connection {
 public:
  explicit SqlConnection(std::unique_ptr<sqlite::Connection> connection) : connection_(std::move(connection)) {}

  absl::Status Execute(const std::string& sql) override {
    absl::Status status = connection_->Execute(sql);
    failure_.status.Update(status);
    return status;
  }

  absl::StatusOr<sql::Statement> Prepare(absl::string_view sql) override {
    auto found = statements_.find(sql);
    if (found == statements_.end()) {
      auto compiled = connection_->Prepare(sql);
      failure_.status.Update(compiled.status());
      PERENNIAL_RETURN_IF_ERROR(compiled.status());
      found =
          statements_.emplace(std::string(sql), std::make_unique<SqlStatement>(*std::move(compiled), failure_)).first;
    }
    return sql::Statement(*found->second);
  }

  [[nodiscard]] std::int64_t changes() const override { return connection_->changes(); }

  absl::Status InTransaction(const Body& body) override {
    failure_.status = absl::OkStatus();
    return Run("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", body);
  }
  absl::Status InSnapshot(const Body& body) override {
    failure_.status = absl::OkStatus();
    return Run("BEGIN", "COMMIT", "ROLLBACK", body);
  }
  absl::Status InSavepoint(const Body& body) override {
    PERENNIAL_RETURN_IF_ERROR(failure_.status);
    absl::Status status = Run("SAVEPOINT one", "RELEASE one", "ROLLBACK TO one; RELEASE one", body);
    if (CanContinue()) failure_.status = absl::OkStatus();
    return status;
  }

  // Some errors, a full disk among them, end the transaction by themselves.
  [[nodiscard]] bool CanContinue() const override { return connection_->in_transaction(); }

  void Checkpoint() override { connection_->Checkpoint(); }

 private:
  absl::Status Run(const char* begin, const char* commit, const char* rollback, const Body& body) {
    PERENNIAL_RETURN_IF_ERROR(connection_->Execute(begin));
    absl::Status status;
    try {
      status = body();
    } catch (...) {
      if (CanContinue()) (void)connection_->Execute(rollback);
      throw;
    }
    status.Update(failure_.status);
    if (status.ok()) status = connection_->Execute(commit);
    if (!status.ok() && CanContinue()) (void)connection_->Execute(rollback);
    return status;
  }

  const std::unique_ptr<sqlite::Connection> connection_;
  Failure failure_;
  absl::flat_hash_map<std::string, std::unique_ptr<SqlStatement>> statements_;  // gone before the connection
};

}  // namespace

absl::StatusOr<std::unique_ptr<sql::Connection>> OpenSql(const std::string& path, Durability durability,
                                                         const sql::Schema& schema) {
  PERENNIAL_ASSIGN_OR_RETURN(auto connection, Connection::Open(path, durability));
  PERENNIAL_RETURN_IF_ERROR(Migrate(*connection, schema.application_id, schema.migrations));
  return std::make_unique<SqlConnection>(std::move(connection));
}

absl::StatusOr<std::unique_ptr<sql::Connection>> OpenSqlReader(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(auto connection, Connection::OpenReader(path));
  return std::make_unique<SqlConnection>(std::move(connection));
}

}  // namespace perennial::sqlite
