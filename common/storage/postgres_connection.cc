#include "common/storage/postgres_connection.h"

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/error_details.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/storage/postgres_status.h"

namespace perennial::postgres {
namespace {

std::string RandomName() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x%08x", device(), device(), device(), device());
}

absl::Status CommitUnknown() {
  return WithRetryAfter(
      WithReason(
          absl::UnavailableError("the connection to the database was lost while committing, so the change may or may "
                                 "not be stored; read before trying again"),
          "STORAGE_COMMIT_UNKNOWN"),
      500);
}

void IgnoreNotice(void*, const PGresult*) {}

std::string FirstLine(absl::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

std::string Setting(const char* name, std::chrono::milliseconds value) {
  return absl::StrCat("SET ", name, " = ", value.count(), ";");
}

}  // namespace

PostgresConnection::PostgresConnection(Options options, Role role)
    : options_(std::move(options)), role_(role), writer_(RandomName()), random_(std::random_device{}()) {}

absl::Status PostgresConnection::Connect() {
  statements_.clear();
  in_transaction_ = false;
  failure_ = absl::OkStatus();
  // What follows dbname overrides what the connection string says, what goes before it does not.
  const std::array names = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                            "keepalives_count", "tcp_user_timeout", "application_name",
                            "dbname",           "client_encoding",  (const char*)nullptr};
  const std::array values = {
      "5", "10", "5", "3", "10000", "perennial", options_.connection.c_str(), "UTF8", (const char*)nullptr};
  connection_.reset(PQconnectdbParams(names.data(), values.data(), 1));
  lost_ = PQstatus(connection_.get()) != CONNECTION_OK;
  if (lost_) {
    Log(LogLevel::kWarning, "cannot connect to PostgreSQL", {{"error", FirstLine(PQerrorMessage(connection_.get()))}});
    return Unreachable();
  }
  PQsetNoticeReceiver(connection_.get(), IgnoreNotice, nullptr);
  const char* encoding = PQparameterStatus(connection_.get(), "server_encoding");
  if (encoding == nullptr || absl::string_view(encoding) != "UTF8") {
    return absl::FailedPreconditionError("the database is not encoded in UTF-8; create it with ENCODING 'UTF8'");
  }
  return Execute(absl::StrCat(
      Setting("statement_timeout", options_.statement_timeout), Setting("lock_timeout", options_.lock_timeout),
      Setting("idle_in_transaction_session_timeout", options_.idle_timeout),
      // What is acknowledged is on disk, whatever the server's own default is.
      "SET synchronous_commit = on;", role_ == Role::kReader ? "SET default_transaction_read_only = on" : ""));
}

absl::Status PostgresConnection::Check(const PGresult* result) {
  const ExecStatusType state = PQresultStatus(result);
  if (state == PGRES_COMMAND_OK || state == PGRES_TUPLES_OK || state == PGRES_EMPTY_QUERY) return absl::OkStatus();
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (sqlstate == nullptr) {  // libpq's own errors have none: the connection broke, or is in no known state
    Log(LogLevel::kWarning, "connection to PostgreSQL lost", {{"error", FirstLine(PQerrorMessage(connection_.get()))}});
    lost_ = true;
    return Fail(Unreachable());
  }
  lost_ = lost_ || IsLoss(sqlstate) || PQstatus(connection_.get()) != CONNECTION_OK;
  conflict_ = conflict_ || IsConflict(sqlstate);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return Fail(StatusOf(sqlstate, message == nullptr ? "" : message));
}

absl::Status PostgresConnection::Fail(absl::Status status) {
  if (in_transaction_) failure_.Update(status);
  return status;
}

absl::Status PostgresConnection::Execute(const std::string& sql) {
  if (lost_) return Unreachable();
  const Result result(PQexec(connection_.get(), sql.c_str()));
  return Check(result.get());
}

absl::StatusOr<sql::Statement> PostgresConnection::Prepare(absl::string_view sql) {
  if (lost_) return Unreachable();
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    PERENNIAL_ASSIGN_OR_RETURN(auto statement, PreparedStatement::Prepare(*this, absl::StrCat("s", ++prepared_), sql));
    found = statements_.emplace(std::string(sql), std::move(statement)).first;
  }
  return sql::Statement(*found->second);
}

// The first words on a connection that was idle meet what happened to the server meanwhile; nothing is lost by saying
// them again on a new one.
absl::Status PostgresConnection::Begin(const char* begin) {
  conflict_ = false;
  failure_ = absl::OkStatus();
  const bool fresh = lost_;
  if (lost_) PERENNIAL_RETURN_IF_ERROR(Connect());
  absl::Status status = Execute(begin);
  if (lost_ && !fresh) {
    PERENNIAL_RETURN_IF_ERROR(Connect());
    status = Execute(begin);
  }
  in_transaction_ = status.ok();
  return status;
}

void PostgresConnection::Rollback(const char* rollback) {
  // A connection that does not even roll back is in no known state.
  if (!lost_) lost_ = !Execute(rollback).ok();
}

absl::Status PostgresConnection::RunBody(const char* rollback, const Body& body) {
  absl::Status status;
  try {
    status = body();
  } catch (...) {
    Rollback(rollback);
    throw;
  }
  status.Update(failure_);
  if (!status.ok()) Rollback(rollback);
  return status;
}

absl::Status PostgresConnection::Commit() {
  const Result result(PQexec(connection_.get(), "COMMIT"));
  PERENNIAL_RETURN_IF_ERROR(Check(result.get()));
  // A transaction that failed is rolled back by COMMIT, and that is no error to PostgreSQL.
  if (absl::string_view(PQcmdStatus(const_cast<PGresult*>(result.get()))) == "COMMIT") return absl::OkStatus();
  return absl::InternalError("the transaction had failed unseen");
}

absl::Status PostgresConnection::InPlainTransaction(const Body& body) {
  PERENNIAL_RETURN_IF_ERROR(Begin("BEGIN"));
  absl::Status status = RunBody("ROLLBACK", body);
  if (status.ok()) status = Commit();
  in_transaction_ = false;
  return status;
}

absl::Status PostgresConnection::InSnapshot(const Body& body) {
  PERENNIAL_RETURN_IF_ERROR(Begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  absl::Status status = RunBody("ROLLBACK", body);
  if (status.ok()) status = Commit();
  in_transaction_ = false;
  return status;
}

absl::Status PostgresConnection::LockWriters() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement lock,
                             Prepare("SELECT version FROM perennial_schema WHERE one = 1 FOR UPDATE"));
  PERENNIAL_RETURN_IF_ERROR(lock.Step().status());
  if (!schema_version_.has_value() || lock.Int64(0) == *schema_version_) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("database has schema ", lock.Int64(0), ", this program knows ",
                                                    *schema_version_, "; run a newer version of the program"));
}

absl::Status PostgresConnection::NoteCommit(std::int64_t number) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement note,
                             Prepare("INSERT INTO perennial_writers (writer, commit_no, commit_time) VALUES (?, ?, ?) "
                                     "ON CONFLICT (writer) DO UPDATE "
                                     "SET commit_no = excluded.commit_no, commit_time = excluded.commit_time"));
  return note.Bind(1, writer_).Bind(2, number).Bind(3, absl::ToUnixMicros(absl::Now())).Run();
}

absl::Status PostgresConnection::TryTransaction(const Body& body) {
  PERENNIAL_RETURN_IF_ERROR(
      Begin(options_.serializable ? "BEGIN ISOLATION LEVEL SERIALIZABLE" : "BEGIN ISOLATION LEVEL READ COMMITTED"));
  const std::int64_t number = ++commits_;
  absl::Status status = RunBody("ROLLBACK", [&]() -> absl::Status {
    // Before there is a snapshot: one from before the wait for the last writer would conflict with what it has written.
    if (options_.serializable) {
      PERENNIAL_RETURN_IF_ERROR(Execute("LOCK TABLE perennial_schema IN SHARE ROW EXCLUSIVE MODE"));
    }
    PERENNIAL_RETURN_IF_ERROR(LockWriters());
    PERENNIAL_RETURN_IF_ERROR(body());
    PERENNIAL_RETURN_IF_ERROR(failure_);
    return NoteCommit(number);
  });
  bool committing = false;
  if (status.ok()) {
    committing = true;
    status = Commit();
  }
  in_transaction_ = false;
  if (status.ok() || !committing || !lost_) return status;
  PERENNIAL_ASSIGN_OR_RETURN(const bool committed, Committed(number));
  return committed ? absl::OkStatus() : status;
}

absl::StatusOr<bool> PostgresConnection::Committed(std::int64_t number) {
  const auto deadline = std::chrono::steady_clock::now() + options_.resolve_timeout;
  for (;;) {
    std::optional<std::int64_t> last;
    // The old session may still be at its COMMIT; it holds the writers' lock until it has done it or failed.
    const absl::Status status = InPlainTransaction([&]() -> absl::Status {
      PERENNIAL_RETURN_IF_ERROR(LockWriters());
      PERENNIAL_ASSIGN_OR_RETURN(sql::Statement find,
                                 Prepare("SELECT commit_no FROM perennial_writers WHERE writer = ?"));
      PERENNIAL_ASSIGN_OR_RETURN(const bool found, find.Bind(1, writer_).Step());
      last = found ? find.Int64(0) : 0;
      return absl::OkStatus();
    });
    if (status.ok()) return last == number;
    if (std::chrono::steady_clock::now() >= deadline) return CommitUnknown();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

absl::Status PostgresConnection::InTransaction(const Body& body) {
  for (int retries = 0;; ++retries) {
    absl::Status status = TryTransaction(body);
    if (status.ok() || !conflict_ || lost_ || retries >= options_.most_retries) return status;
    const int most = 10 << retries;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<>(most / 2, most)(random_)));
  }
}

absl::Status PostgresConnection::InSavepoint(const Body& body) {
  PERENNIAL_RETURN_IF_ERROR(failure_);
  PERENNIAL_RETURN_IF_ERROR(Execute("SAVEPOINT one"));
  absl::Status status = RunBody("ROLLBACK TO one; RELEASE one", body);
  if (!status.ok()) {
    if (CanContinue()) failure_ = absl::OkStatus();
    return status;
  }
  return Execute("RELEASE one");
}

}  // namespace perennial::postgres
