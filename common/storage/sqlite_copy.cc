#include <sqlite3.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/storage/database_copy.h"

namespace perennial::storage {
namespace {

constexpr int kPagesAStep = 2048;  // 8 MiB of SQLite's usual pages

absl::Status Failed(sqlite3* db, int result) {
  const std::string problem = absl::StrCat("cannot copy the database: ", sqlite3_errstr(result), " (",
                                           db == nullptr ? "" : sqlite3_errmsg(db), ")");
  if ((result & 0xff) == SQLITE_FULL) {
    return WithReason(absl::ResourceExhaustedError("no room for the copy of the database"), "STORAGE_FULL");
  }
  return WithReason(absl::UnavailableError(problem), "STORAGE_BUSY");
}

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

absl::StatusOr<Database> Open(const std::string& path, int flags, const char* prepare) {
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Database db(handle);
  if (opened != SQLITE_OK) return Failed(handle, opened);
  sqlite3_busy_timeout(handle, 2000);
  const int prepared = sqlite3_exec(handle, prepare, nullptr, nullptr, nullptr);
  if (prepared != SQLITE_OK) return Failed(handle, prepared);
  return db;
}

class SqliteCopy final : public DatabaseCopy {
 public:
  static absl::StatusOr<std::unique_ptr<DatabaseCopy>> Begin(const std::string& from, const std::string& to) {
    auto copy = std::make_unique<SqliteCopy>();
    // The open transaction holds the snapshot, so that all steps copy the same state, whatever is written meanwhile.
    PERENNIAL_ASSIGN_OR_RETURN(
        copy->from_, Open(from, SQLITE_OPEN_READWRITE, "PRAGMA query_only = ON; BEGIN; SELECT * FROM sqlite_master LIMIT 1"));
    PERENNIAL_ASSIGN_OR_RETURN(copy->to_, Open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                               "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"));
    copy->backup_ = sqlite3_backup_init(copy->to_.get(), "main", copy->from_.get(), "main");
    if (copy->backup_ == nullptr) return Failed(copy->to_.get(), sqlite3_errcode(copy->to_.get()));
    return copy;
  }
  ~SqliteCopy() override {
    if (backup_ != nullptr) sqlite3_backup_finish(backup_);
  }

  absl::StatusOr<bool> Step() override {
    const int result = sqlite3_backup_step(backup_, kPagesAStep);
    if (result == SQLITE_OK) return true;
    if (result != SQLITE_DONE) return Failed(to_.get(), result);
    const int finished = sqlite3_backup_finish(std::exchange(backup_, nullptr));
    if (finished != SQLITE_OK) return Failed(to_.get(), finished);
    to_.reset();
    from_.reset();
    return false;
  }

 private:
  Database from_;
  Database to_;
  sqlite3_backup* backup_ = nullptr;
};

}  // namespace

CopySource SqliteSource(const std::string& path) {
  return {.file = std::filesystem::path(path).filename().string(),
          .size = [path]() -> absl::StatusOr<std::int64_t> {
            std::error_code error;
            const auto size = std::filesystem::file_size(path, error);
            const auto log = std::filesystem::file_size(path + "-wal", error);
            return static_cast<std::int64_t>(size + (error ? 0 : log));
          },
          .begin = [path](const std::string& to) { return SqliteCopy::Begin(path, to); }};
}

}  // namespace perennial::storage
