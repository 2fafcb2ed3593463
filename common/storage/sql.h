#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// One SQL text for SQLite and PostgreSQL. What a statement may use, so that both understand it alike:
//   - Parameters are ?, counted from 1, or ?1, ?2, ... without a gap. A truth value is an integer, 0 or 1, in tables and
//     in comparisons (`?1 <> 0`, not `?1`).
//   - INSERT ... ON CONFLICT (columns) DO UPDATE or DO NOTHING, never OR REPLACE or OR IGNORE. In DO UPDATE a column of
//     the present row carries its table's name (`total = days.total + excluded.total`).
//   - RETURNING instead of a last row id. Numbers are given out by `(SELECT coalesce(max(no), 0) + 1 FROM ...)`, which
//     is safe because write transactions run one after another.
//   - Reserved words as names are quoted (`"user"`); a subquery in FROM has an alias; LIMIT is not negative.
//   - Texts compare by their bytes. They hold no NUL, which PostgreSQL cannot store.
// No triggers, LISTEN, advisory locks or SERIAL: databases that only speak PostgreSQL's protocol differ there.
namespace perennial::sql {

// What a driver implements for Statement; see there. Not used by callers.
class StatementDriver {
 public:
  virtual ~StatementDriver() = default;
  virtual void BindText(int index, absl::string_view text) = 0;
  virtual void BindBlob(int index, absl::string_view bytes) = 0;
  virtual void BindInt64(int index, std::int64_t value) = 0;
  virtual void BindDouble(int index, double value) = 0;
  virtual void BindNull(int index) = 0;
  virtual absl::StatusOr<bool> Step() = 0;
  virtual void Reset() = 0;
  [[nodiscard]] virtual bool IsNull(int column) const = 0;
  [[nodiscard]] virtual absl::string_view View(int column) const = 0;
  [[nodiscard]] virtual std::int64_t Int64(int column) const = 0;
  [[nodiscard]] virtual double Double(int column) const = 0;
};

// A compiled statement, bound and stepped. Bind() counts parameters from 1, columns count from 0. Bound texts and blobs
// must live until the statement is reset, which its destructor does. It must not outlive its connection.
class Statement {
 public:
  explicit Statement(StatementDriver& driver) : driver_(&driver) {}
  Statement(Statement&& other) noexcept : driver_(std::exchange(other.driver_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement() {
    if (driver_ != nullptr) driver_->Reset();
  }

  Statement& Bind(int index, absl::string_view text) { return driver_->BindText(index, text), *this; }
  Statement& BindBlob(int index, absl::string_view bytes) { return driver_->BindBlob(index, bytes), *this; }
  Statement& Bind(int index, std::int64_t value) { return driver_->BindInt64(index, value), *this; }
  Statement& Bind(int index, int value) { return Bind(index, static_cast<std::int64_t>(value)); }
  Statement& Bind(int index, bool value) { return Bind(index, static_cast<std::int64_t>(value)); }
  Statement& Bind(int index, const char* text) { return Bind(index, absl::string_view(text)); }
  Statement& Bind(int index, const std::string& text) { return Bind(index, absl::string_view(text)); }
  Statement& Bind(int index, double value) { return driver_->BindDouble(index, value), *this; }
  Statement& BindNull(int index) { return driver_->BindNull(index), *this; }
  template <class T>
  Statement& Bind(int index, const std::optional<T>& value) {
    return value.has_value() ? Bind(index, *value) : BindNull(index);
  }

  // Moves to the next row; false when there is none.
  absl::StatusOr<bool> Step() { return driver_->Step(); }
  // Runs a statement that returns no row, and resets it.
  absl::Status Run() {
    const absl::StatusOr<bool> row = driver_->Step();
    driver_->Reset();
    return row.status();
  }
  // Makes it ready to be bound and run again; parameters are NULL until they are bound.
  void Reset() { driver_->Reset(); }

  [[nodiscard]] bool IsNull(int column) const { return driver_->IsNull(column); }
  // Text or blob; empty when it is NULL.
  [[nodiscard]] std::string Text(int column) const { return std::string(View(column)); }
  // The same, valid until the next Step or Reset.
  [[nodiscard]] absl::string_view View(int column) const { return driver_->View(column); }
  // A number; 0 when it is NULL.
  [[nodiscard]] std::int64_t Int64(int column) const { return driver_->Int64(column); }
  [[nodiscard]] double Double(int column) const { return driver_->Double(column); }
  [[nodiscard]] std::optional<std::int64_t> MaybeInt64(int column) const {
    return IsNull(column) ? std::nullopt : std::optional<std::int64_t>(Int64(column));
  }
  [[nodiscard]] std::optional<double> MaybeDouble(int column) const {
    return IsNull(column) ? std::nullopt : std::optional<double>(Double(column));
  }

 private:
  StatementDriver* driver_;  // owned by the connection's cache
};

// One connection to a database, for one thread at a time.
//
// Errors, by code and ErrorInfo reason: ALREADY_EXISTS (a unique key is taken), UNAVAILABLE (STORAGE_BUSY,
// STORAGE_UNREACHABLE, STORAGE_COMMIT_UNKNOWN), RESOURCE_EXHAUSTED (STORAGE_FULL, STORAGE_BUSY), FAILED_PRECONDITION
// (STORAGE_READ_ONLY), INVALID_ARGUMENT (a text that cannot be stored), DATA_LOSS (STORAGE_DAMAGED), INTERNAL (our SQL
// is wrong).
class Connection {
 public:
  using Body = std::function<absl::Status()>;
  virtual ~Connection() = default;

  // Runs SQL that takes no parameters and returns no rows; several statements are allowed.
  virtual absl::Status Execute(const std::string& sql) = 0;
  // Compiles a statement, or takes it from the cache. The same SQL must not be in use twice at once.
  virtual absl::StatusOr<Statement> Prepare(absl::string_view sql) = 0;
  // How many rows the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] virtual std::int64_t changes() const = 0;

  // Runs `body` while no other write transaction runs on this database, in this process or another, and commits.
  // Nothing of it stays when it fails, when any statement within it failed (a savepoint around that apart), or when it
  // throws. OK means: on stable storage, and seen by every read that begins from now on.
  //
  // `body` may be run again when the database asks for it: it must not change anything but the transaction and its own
  // results. UNAVAILABLE with reason STORAGE_COMMIT_UNKNOWN: the connection was lost and it cannot be told whether the
  // transaction is stored; any other error: it is not.
  virtual absl::Status InTransaction(const Body& body) = 0;
  // Within InTransaction: runs `body`; when it or a statement of it fails, only what it changed is undone, and its
  // error is returned. The transaction may then go on if CanContinue() says so.
  virtual absl::Status InSavepoint(const Body& body) = 0;
  // Whether the transaction that runs can still be committed. When not (connection lost, disk full, conflict with
  // another transaction), the body of InTransaction must return the error that it has met.
  [[nodiscard]] virtual bool CanContinue() const = 0;
  // Runs `body`, which only reads, so that all its reads see one state of the database. A connection for reading only
  // refuses writes.
  virtual absl::Status InSnapshot(const Body& body) = 0;

  // False when the connection is lost for good and should be thrown away.
  [[nodiscard]] virtual bool alive() const { return true; }
  // Tidies up for a clean stop.
  virtual void Checkpoint() {}
};

// What a program keeps in its database.
struct Schema {
  // Tells our databases from those of others.
  std::int32_t application_id = 0;
  // migrations[i] takes the schema from version i to i + 1, in a transaction of its own. Written in SQLite's dialect;
  // see DdlForPostgres.
  std::vector<std::string> migrations = {};
};

// Readers for many threads, opened as they are needed, at most `most` at once.
class ReaderPool {
 public:
  struct Options {
    std::size_t most = 8;
    // Longest wait for a reader while all are busy; forever when absent.
    std::optional<std::chrono::milliseconds> most_wait = {};
  };
  using Open = std::function<absl::StatusOr<std::unique_ptr<Connection>>()>;

  ReaderPool(Options options, Open open);
  ~ReaderPool();
  // Runs `body` with a connection of its own, within one snapshot. RESOURCE_EXHAUSTED when none was free in time.
  absl::Status Read(const std::function<absl::Status(Connection&)>& body);

 private:
  struct State;
  absl::StatusOr<std::unique_ptr<Connection>> Take();
  void Give(std::unique_ptr<Connection> connection);
  const std::unique_ptr<State> state_;
};

}  // namespace perennial::sql
