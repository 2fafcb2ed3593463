#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial::sqlite {

// A compiled statement, bound and stepped. Bind() counts parameters from 1, columns count from 0. Bound texts and blobs must
// live until the statement is reset, which its destructor does.
class Statement {
 public:
  Statement(Statement&& other) noexcept : statement_(other.statement_) { other.statement_ = nullptr; }
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& Bind(int index, absl::string_view text);
  Statement& BindBlob(int index, absl::string_view bytes);
  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, int value) { return Bind(index, static_cast<std::int64_t>(value)); }
  Statement& Bind(int index, bool value) { return Bind(index, static_cast<std::int64_t>(value)); }
  Statement& Bind(int index, const char* text) { return Bind(index, absl::string_view(text)); }
  Statement& Bind(int index, const std::string& text) { return Bind(index, absl::string_view(text)); }
  Statement& Bind(int index, double value);
  Statement& BindNull(int index);
  template <class T>
  Statement& Bind(int index, const std::optional<T>& value) {
    return value.has_value() ? Bind(index, *value) : BindNull(index);
  }

  // Moves to the next row; false when there is none.
  absl::StatusOr<bool> Step();
  // Runs a statement that returns no row.
  absl::Status Run();
  // Makes it ready to be bound and run again.
  void Reset();

  [[nodiscard]] bool IsNull(int column) const;
  [[nodiscard]] std::string Text(int column) const;
  // Valid until the next Step.
  [[nodiscard]] absl::string_view View(int column) const;
  [[nodiscard]] std::int64_t Int64(int column) const { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] double Double(int column) const { return sqlite3_column_double(statement_, column); }
  [[nodiscard]] std::optional<std::int64_t> MaybeInt64(int column) const {
    return IsNull(column) ? std::nullopt : std::optional<std::int64_t>(Int64(column));
  }
  [[nodiscard]] std::optional<double> MaybeDouble(int column) const {
    return IsNull(column) ? std::nullopt : std::optional<double>(Double(column));
  }

 private:
  friend class Connection;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  sqlite3_stmt* statement_;  // owned by the connection's cache
};

// How sure a commit is. kFull survives a power cut; kNormal survives a crash of the process, and may lose the last commits
// in a power cut (never corrupts): for state that can be computed anew.
enum class Durability { kFull, kNormal };

// One SQLite connection, for one thread at a time.
class Connection {
 public:
  // Opens or creates the database at `path` with write-ahead logging, foreign keys and a wait for locks; what is deleted is
  // overwritten, so that purged data is gone. FAILED_PRECONDITION
  // with a sentence for people when the file cannot be opened, is corrupt or is no database.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path, Durability durability);
  // Opens an existing database for reading only.
  static absl::StatusOr<std::unique_ptr<Connection>> OpenReader(const std::string& path);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs SQL that takes no parameters and returns no rows; several statements are allowed. Once the disk has failed, also
  // while the log was moved into the database file, every call returns that error (see storage_failure.h).
  absl::Status Execute(const std::string& sql);
  // Compiles a statement, or takes it from the cache. The same SQL must not be in use twice at once.
  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // How many rows the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] int changes() const { return sqlite3_changes(db_); }
  [[nodiscard]] std::int64_t last_insert_rowid() const { return sqlite3_last_insert_rowid(db_); }

  // Runs `body` between BEGIN IMMEDIATE and COMMIT; rolls back when it or the commit fails.
  absl::Status InTransaction(const std::function<absl::Status()>& body);
  // Runs `body` within a read transaction: all its reads see one state.
  absl::Status InSnapshot(const std::function<absl::Status()>& body);
  // Whether a transaction is open. Some errors, a full disk among them, end one by themselves.
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  // Moves the log into the database file, for a clean stop.
  void Checkpoint();

 private:
  explicit Connection(sqlite3* db) : db_(db) {}
  absl::Status InTransaction(const char* begin, const std::function<absl::Status()>& body);
  static int AfterCommit(void* connection, sqlite3* db, const char* name, int pages);
  sqlite3* db_;
  absl::Status failure_;  // of the disk
  absl::flat_hash_map<std::string, sqlite3_stmt*> statements_;
};

// Brings the schema up to date: migrations[i] is applied when the database is at version i, each in its own transaction.
// FAILED_PRECONDITION when the database is newer than this program or belongs to another one (`application_id`).
absl::Status Migrate(Connection& connection, std::int32_t application_id, const std::vector<std::string>& migrations);

// Readers for many threads, opened as they are needed, at most `most` at once (others wait).
class ReaderPool {
 public:
  ReaderPool(std::string path, std::size_t most);
  ~ReaderPool();
  // Runs `body` with a connection of its own, within one snapshot.
  absl::Status Read(const std::function<absl::Status(Connection&)>& body);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

// Refuses to share a data folder between two processes: takes a lock on "<path>.lock" for the life of the object.
// FAILED_PRECONDITION when another process holds it.
class FileLock {
 public:
  static absl::StatusOr<FileLock> Take(const std::string& path);
  FileLock(FileLock&& other) noexcept : file_(other.file_) { other.file_ = -1; }
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace perennial::sqlite
