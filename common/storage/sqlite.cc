#include "common/storage/sqlite.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/storage/storage_failure.h"

namespace perennial::sqlite {
namespace {

// After how many pages in the log they are moved into the database file: 32 MiB, so that a page which many commits change is
// moved once for all of them.
constexpr int kCheckpointPages = 8192;
// Room for what one transaction changes: with less, pages would be written more than once.
constexpr int kWriterCacheKib = 64 * 1024;

absl::Status FullStatus() {
  return WithReason(absl::ResourceExhaustedError("disk is full; free space and retry"), "STORAGE_FULL");
}

// Whether the last thing that the system refused the database file or its log was room. SQLite tells so by itself for
// ENOSPC alone.
bool NoRoom(sqlite3* db) {
  bool no_room = false;
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    int error = 0;
    if (db == nullptr || sqlite3_file_control(db, "main", which, &file) != SQLITE_OK) continue;
    if (file == nullptr || file->pMethods == nullptr) continue;
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (error == EIO) return false;
    no_room = no_room || error == EDQUOT || error == EFBIG;
  }
  return no_room;
}

// A write that found no room may be tried again; after anything else that the disk refused nothing is known.
absl::Status DiskStatus(sqlite3* db, int result) {
  if (result == SQLITE_IOERR_SHMSIZE || (result == SQLITE_IOERR_WRITE && NoRoom(db))) return FullStatus();
  return WithReason(absl::UnavailableError("the disk failed, so the change may or may not be stored; read before trying again"),
                    "STORAGE_IO_ERROR");
}

// By result code, never by the text of the message.
absl::Status ToStatus(sqlite3* db, int result) {
  switch (result & 0xff) {  // the primary code of an extended one
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return absl::OkStatus();
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return WithRetryAfter(WithReason(absl::UnavailableError("database is busy; retry"), "STORAGE_BUSY"), 100);
    case SQLITE_FULL: return FullStatus();
    case SQLITE_IOERR: return DiskStatus(db, result);
    case SQLITE_READONLY:
      return WithReason(absl::FailedPreconditionError("database is read-only; check the folder's permissions"),
                        "STORAGE_READ_ONLY");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return WithReason(absl::DataLossError("database file is damaged; restore it from a backup"), "STORAGE_DAMAGED");
    case SQLITE_CANTOPEN:
      return absl::FailedPreconditionError("database file cannot be opened; check that its folder exists and is writable");
    case SQLITE_CONSTRAINT:
      if (result == SQLITE_CONSTRAINT_PRIMARYKEY || result == SQLITE_CONSTRAINT_UNIQUE) {
        return absl::AlreadyExistsError("row exists");
      }
      return absl::InternalError(absl::StrCat("constraint: ", sqlite3_errmsg(db)));
    default: return absl::InternalError(absl::StrCat("sqlite ", result, ": ", sqlite3_errmsg(db)));
  }
}

absl::StatusOr<sqlite3*> OpenHandle(const std::string& path, int flags) {
  sqlite3* db = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (result != SQLITE_OK) {
    absl::Status status = ToStatus(db, result);
    sqlite3_close_v2(db);
    return status;
  }
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, 2000);
  return db;
}

}  // namespace

Statement::~Statement() {
  if (statement_ != nullptr) Reset();
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::Bind(int index, absl::string_view text) {
  // An empty view may have no address, which SQLite would take for NULL.
  sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}
Statement& Statement::BindBlob(int index, absl::string_view bytes) {
  sqlite3_bind_blob64(statement_, index, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}
Statement& Statement::Bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}
Statement& Statement::Bind(int index, double value) {
  sqlite3_bind_double(statement_, index, value);
  return *this;
}
Statement& Statement::BindNull(int index) {
  sqlite3_bind_null(statement_, index);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int result = sqlite3_step(statement_);
  PERENNIAL_RETURN_IF_ERROR(ToStatus(sqlite3_db_handle(statement_), result));
  return result == SQLITE_ROW;
}

absl::Status Statement::Run() {
  const auto row = Step();
  Reset();
  return row.status();
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

absl::string_view Statement::View(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? absl::string_view() : absl::string_view(bytes, static_cast<std::size_t>(size));
}

std::string Statement::Text(int column) const { return std::string(View(column)); }

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Durability durability) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite3* const db, OpenHandle(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  std::unique_ptr<Connection> connection(new Connection(db));
  sqlite3_wal_hook(db, &Connection::AfterCommit, connection.get());
  PERENNIAL_RETURN_IF_ERROR(connection->Execute(
      absl::StrCat("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; "
                   "PRAGMA cache_size = ",
                   -kWriterCacheKib, "; PRAGMA synchronous = ",
                   durability == Durability::kFull ? "FULL" : "NORMAL")));
  PERENNIAL_ASSIGN_OR_RETURN(Statement mode, connection->Prepare("PRAGMA journal_mode"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool row, mode.Step());
  if (!row || mode.Text(0) != "wal") return absl::FailedPreconditionError("write-ahead logging is not possible here");
  return connection;
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::OpenReader(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(sqlite3* const db, OpenHandle(path, SQLITE_OPEN_READWRITE));
  std::unique_ptr<Connection> connection(new Connection(db));
  PERENNIAL_RETURN_IF_ERROR(connection->Execute("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY"));
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

absl::Status Connection::Execute(const std::string& sql) {
  PERENNIAL_RETURN_IF_ERROR(failure_);
  absl::Status status = ToStatus(db_, sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr));
  if (FailureOf(status) == StorageFailure::kDisk) failure_ = status;
  return status;
}

// What SQLite's own checkpoints do, but for their errors, which SQLite drops: a file that could not be synced must not be
// taken for one that was.
int Connection::AfterCommit(void* connection, sqlite3* db, const char* name, int pages) {
  if (pages < kCheckpointPages) return SQLITE_OK;
  const absl::Status status =
      ToStatus(db, sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr));
  if (FailureOf(status) == StorageFailure::kDisk) static_cast<Connection*>(connection)->failure_ = status;
  return SQLITE_OK;  // the commit itself is done
}

absl::StatusOr<Statement> Connection::Prepare(absl::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return Statement(found->second);
  sqlite3_stmt* statement = nullptr;
  PERENNIAL_RETURN_IF_ERROR(ToStatus(db_, sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                                             SQLITE_PREPARE_PERSISTENT, &statement, nullptr)));
  statements_.emplace(std::string(sql), statement);
  return Statement(statement);
}

absl::Status Connection::InTransaction(const std::function<absl::Status()>& body) {
  return InTransaction("BEGIN IMMEDIATE", body);
}

absl::Status Connection::InSnapshot(const std::function<absl::Status()>& body) { return InTransaction("BEGIN", body); }

absl::Status Connection::InTransaction(const char* begin, const std::function<absl::Status()>& body) {
  PERENNIAL_RETURN_IF_ERROR(Execute(begin));
  absl::Status status = body();
  if (status.ok()) status = Execute("COMMIT");
  // Some errors end the transaction by themselves; then there is nothing to roll back.
  if (!status.ok() && sqlite3_get_autocommit(db_) == 0) (void)Execute("ROLLBACK");
  return status;
}

void Connection::Checkpoint() { sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr); }

absl::Status Migrate(Connection& connection, std::int32_t application_id, const std::vector<std::string>& migrations) {
  const auto read = [&](absl::string_view pragma) -> absl::StatusOr<std::int64_t> {
    PERENNIAL_ASSIGN_OR_RETURN(Statement statement, connection.Prepare(pragma));
    PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
    return statement.Int64(0);
  };
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t owner, read("PRAGMA application_id"));
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t version, read("PRAGMA user_version"));
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t objects, read("SELECT count(*) FROM sqlite_master"));
  if (owner != application_id && (version > 0 || objects > 0 || owner != 0)) {
    return absl::FailedPreconditionError("database belongs to another program; point --data at its own folder");
  }
  if (version > static_cast<std::int64_t>(migrations.size())) {
    return absl::FailedPreconditionError(absl::StrCat("database has schema ", version, ", this program knows ",
                                                      migrations.size(), "; run a newer version of the program"));
  }
  for (auto step = static_cast<std::size_t>(version); step < migrations.size(); ++step) {
    PERENNIAL_RETURN_IF_ERROR(connection.InTransaction([&] {
      return connection.Execute(absl::StrCat(migrations[step], ";PRAGMA application_id = ", application_id,
                                             ";PRAGMA user_version = ", step + 1));
    }));
  }
  return absl::OkStatus();
}

struct ReaderPool::State {
  std::string path;
  std::size_t most;
  Mutex mu;
  std::condition_variable changed;
  std::vector<std::unique_ptr<Connection>> idle ABSL_GUARDED_BY(mu);
  std::size_t open ABSL_GUARDED_BY(mu) = 0;
};

ReaderPool::ReaderPool(std::string path, std::size_t most) : state_(std::make_unique<State>()) {
  state_->path = std::move(path);
  state_->most = most;
}
ReaderPool::~ReaderPool() = default;

absl::Status ReaderPool::Read(const std::function<absl::Status(Connection&)>& body) {
  std::unique_ptr<Connection> connection;
  {
    MutexLock lock(state_->mu);
    while (state_->idle.empty() && state_->open >= state_->most) lock.Wait(state_->changed);
    if (state_->idle.empty()) {
      ++state_->open;
    } else {
      connection = std::move(state_->idle.back());
      state_->idle.pop_back();
    }
  }
  absl::Status status;
  if (connection == nullptr) {
    auto opened = Connection::OpenReader(state_->path);
    status = opened.status();
    if (opened.ok()) connection = *std::move(opened);
  }
  try {
    if (status.ok()) status = connection->InSnapshot([&] { return body(*connection); });
  } catch (...) {
    connection.reset();  // with what it had begun
    MutexLock lock(state_->mu);
    --state_->open;
    state_->changed.notify_one();
    throw;
  }
  MutexLock lock(state_->mu);
  if (connection == nullptr) {
    --state_->open;
  } else {
    state_->idle.push_back(std::move(connection));
  }
  state_->changed.notify_one();
  return status;
}

absl::StatusOr<FileLock> FileLock::Take(const std::string& path) {
  const std::string name = path + ".lock";
  const int file = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write ", name, "; check that the folder exists and is writable"));
  }
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    close(file);
    return absl::FailedPreconditionError(absl::StrCat(path, " is in use by another process"));
  }
  return FileLock(file);
}

FileLock::~FileLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace perennial::sqlite
