#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <string>

namespace perennial::bench {

// Counts what others write to a SQLite database in WAL mode, by the table or index that the pages belong to. As long as it lives,
// a snapshot of its own keeps the log from being begun anew, so the log grows and rates suffer: counts only.
class WalPages {
 public:
  // Counts from now on.
  explicit WalPages(const std::string& database);
  ~WalPages();
  WalPages(const WalPages&) = delete;
  WalPages& operator=(const WalPages&) = delete;

  // Pages written to the log, each as often as it was written, by name; "free" are those that no table has any more.
  std::map<std::string, std::int64_t> Count();

 private:
  std::string database_;
  sqlite3* snapshot_ = nullptr;
  std::int64_t salts_at_begin_ = 0;
  std::size_t frames_at_begin_ = 0;
};

}  // namespace perennial::bench
