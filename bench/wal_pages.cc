#include "bench/wal_pages.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <unordered_map>
#include <vector>

namespace perennial::bench {
namespace {

constexpr std::size_t kHeader = 32;
constexpr std::size_t kFrameHeader = 24;

struct Log {
  std::int64_t salts = 0;  // tells one beginning of the log from another
  std::vector<std::uint32_t> pages = {};
};

std::uint32_t Number(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

std::int64_t Salts(const unsigned char* bytes) {
  return static_cast<std::int64_t>(std::uint64_t{Number(bytes)} << 32 | Number(bytes + 4));
}

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
Log ReadLog(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  unsigned char header[kHeader];
  Log log;
  if (!file.read(reinterpret_cast<char*>(header), kHeader)) return log;
  const std::size_t page_size = Number(header + 8);
  log.salts = Salts(header + 16);
  unsigned char frame[kFrameHeader];
  while (file.read(reinterpret_cast<char*>(frame), kFrameHeader) && Salts(frame + 8) == log.salts) {
    log.pages.push_back(Number(frame));
    file.seekg(static_cast<std::streamoff>(page_size), std::ios::cur);
  }
  return log;
}

sqlite3* Open(const std::string& database) {
  sqlite3* db = nullptr;
  if (sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK) {
    std::cerr << "cannot open " << database << "\n";
    std::exit(1);
  }
  sqlite3_busy_timeout(db, 10000);
  return db;
}

// Which table or index each page belongs to.
std::unordered_map<std::uint32_t, std::string> Owners(const std::string& database) {
  sqlite3* db = Open(database);
  sqlite3_stmt* all = nullptr;
  std::unordered_map<std::uint32_t, std::string> owners;
  if (sqlite3_prepare_v2(db, "SELECT pageno, name, pagetype FROM dbstat", -1, &all, nullptr) != SQLITE_OK) {
    std::cerr << "this SQLite has no dbstat: " << sqlite3_errmsg(db) << "\n";
    std::exit(1);
  }
  while (sqlite3_step(all) == SQLITE_ROW) {
    std::string name = reinterpret_cast<const char*>(sqlite3_column_text(all, 1));
    const std::string type = reinterpret_cast<const char*>(sqlite3_column_text(all, 2));
    if (type != "leaf") name += " (" + type + ")";
    owners.emplace(static_cast<std::uint32_t>(sqlite3_column_int64(all, 0)), std::move(name));
  }
  sqlite3_finalize(all);
  sqlite3_close(db);
  return owners;
}

}  // namespace

WalPages::WalPages(const std::string& database) : database_(database), snapshot_(Open(database)) {
  sqlite3_exec(snapshot_, "BEGIN; SELECT count(*) FROM sqlite_master", nullptr, nullptr, nullptr);
  const Log log = ReadLog(database_ + "-wal");
  salts_at_begin_ = log.salts;
  frames_at_begin_ = log.pages.size();
}

WalPages::~WalPages() { sqlite3_close(snapshot_); }

std::map<std::string, std::int64_t> WalPages::Count() {
  const Log log = ReadLog(database_ + "-wal");
  const auto owners = Owners(database_);
  std::map<std::string, std::int64_t> counts;
  // A log that was in the database already is begun anew once, in spite of the snapshot.
  for (std::size_t i = log.salts == salts_at_begin_ ? frames_at_begin_ : 0; i < log.pages.size(); ++i) {
    const auto owner = owners.find(log.pages[i]);
    ++counts[owner == owners.end() ? "free" : owner->second];
  }
  return counts;
}

}  // namespace perennial::bench
