#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bench/usage_load.h"

namespace perennial::bench {

// The peer of ingestion into SQLite: what a careful person would write by hand around prepared statements, in one process
// and one thread, on a copy of the service's own database. A batch is one transaction, in WAL mode with synchronous = FULL and the
// same room for pages as the service:
//   each event   INSERT INTO usage_events ... ON CONFLICT DO NOTHING, and if it was new: an upsert of its day's sum, one of
//                the last day of use, and an INSERT ... ON CONFLICT DO NOTHING of who used it;
//   each account with `facts`: one UPDATE of its row of facts under the next revision, with a payload of the same size.
// It knows the numbers of accounts and metrics beforehand, checks nothing, computes no fact and tells nobody.
class RawSqlite {
 public:
  // Copies the database at `from`, which others may have open, to `to`.
  RawSqlite(const std::string& from, const std::string& to);
  ~RawSqlite();
  RawSqlite(const RawSqlite&) = delete;
  RawSqlite& operator=(const RawSqlite&) = delete;

  void Write(const std::vector<Use>& batch, bool facts);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Account {
    std::int64_t no = 0;
    std::string payload;
    bool touched = false;
  };
  sqlite3_stmt* Prepare(const char* sql);
  void Execute(const char* sql);
  void Run(sqlite3_stmt* statement);
  void LoadAccounts();

  const std::string path_;
  sqlite3* db_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
  sqlite3_stmt* insert_;
  sqlite3_stmt* day_;
  sqlite3_stmt* last_;
  sqlite3_stmt* user_;
  sqlite3_stmt* facts_;
  std::vector<Account> accounts_;  // by number in their id
  std::vector<std::int64_t> metrics_;
  std::int64_t revision_ = 0;
};

}  // namespace perennial::bench
