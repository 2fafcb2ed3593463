#include "bench/raw_sqlite.h"

#include <cstdlib>
#include <iostream>

#include "common/base/time_util.h"

namespace perennial::bench {
namespace {

void Check(sqlite3* db, bool ok) {
  if (ok) return;
  std::cerr << "raw SQLite: " << sqlite3_errmsg(db) << "\n";
  std::exit(1);
}

void Bind(sqlite3_stmt* statement, int index, const std::string& text) {
  sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

}  // namespace

RawSqlite::RawSqlite(const std::string& from, const std::string& to) : path_(to) {
  sqlite3* source = nullptr;
  Check(source, sqlite3_open(from.c_str(), &source) == SQLITE_OK);
  sqlite3_busy_timeout(source, 10000);
  Check(db_, sqlite3_open(to.c_str(), &db_) == SQLITE_OK);
  sqlite3_backup* backup = sqlite3_backup_init(db_, "main", source, "main");
  Check(db_, backup != nullptr && sqlite3_backup_step(backup, -1) == SQLITE_DONE);
  sqlite3_backup_finish(backup);
  sqlite3_close(source);
  Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; "
          "PRAGMA secure_delete = ON; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192");
  insert_ = Prepare("INSERT INTO usage_events VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_no, record_id) DO NOTHING");
  day_ = Prepare(
      "INSERT INTO usage_days VALUES (?, ?, ?, ?) ON CONFLICT (account_no, day, metric_no) DO UPDATE SET total = "
      "usage_days.total + excluded.total");
  last_ = Prepare(
      "INSERT INTO usage_last VALUES (?, ?, ?) ON CONFLICT (account_no, metric_no) DO UPDATE SET last_day = "
      "excluded.last_day WHERE excluded.last_day > usage_last.last_day");
  user_ = Prepare("INSERT INTO usage_users VALUES (?, ?, ?, ?) ON CONFLICT (account_no, day, metric_no, \"user\") DO NOTHING");
  facts_ = Prepare("UPDATE facts SET revision = ?, as_of = ?, payload = ? WHERE account_no = ?");
  LoadAccounts();
}

RawSqlite::~RawSqlite() {
  for (sqlite3_stmt* statement : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

sqlite3_stmt* RawSqlite::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  Check(db_, sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) == SQLITE_OK);
  statements_.push_back(statement);
  return statement;
}

void RawSqlite::Execute(const char* sql) { Check(db_, sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }

void RawSqlite::Run(sqlite3_stmt* statement) {
  Check(db_, sqlite3_step(statement) == SQLITE_DONE);
  sqlite3_reset(statement);
}

void RawSqlite::LoadAccounts() {
  sqlite3_stmt* all = Prepare("SELECT a.account_id, a.account_no, f.revision, f.payload FROM accounts a JOIN facts f USING (account_no)");
  while (sqlite3_step(all) == SQLITE_ROW) {
    const int id = std::atoi(reinterpret_cast<const char*>(sqlite3_column_text(all, 0)) + 1);
    if (static_cast<std::size_t>(id) >= accounts_.size()) accounts_.resize(static_cast<std::size_t>(id) + 1);
    Account& account = accounts_[static_cast<std::size_t>(id)];
    account.no = sqlite3_column_int64(all, 1);
    revision_ = std::max<std::int64_t>(revision_, sqlite3_column_int64(all, 2));
    account.payload.assign(static_cast<const char*>(sqlite3_column_blob(all, 3)),
                           static_cast<std::size_t>(sqlite3_column_bytes(all, 3)));
  }
  sqlite3_stmt* metrics = Prepare("SELECT metric_no FROM metrics WHERE name = ?");
  for (const char* name : kMetrics) {
    sqlite3_reset(metrics);
    sqlite3_bind_text(metrics, 1, name, -1, SQLITE_STATIC);
    Check(db_, sqlite3_step(metrics) == SQLITE_ROW);
    metrics_.push_back(sqlite3_column_int64(metrics, 0));
  }
  sqlite3_reset(metrics);
  sqlite3_reset(all);
}

void RawSqlite::Write(const std::vector<Use>& batch, bool facts) {
  std::vector<Account*> touched;
  Execute("BEGIN IMMEDIATE");
  for (const Use& use : batch) {
    Account& account = accounts_[static_cast<std::size_t>(use.account)];
    const std::int64_t metric = metrics_[static_cast<std::size_t>(use.metric)];
    const std::int64_t day = DayOf(use.time);
    sqlite3_bind_int64(insert_, 1, account.no);
    Bind(insert_, 2, use.record_id);
    sqlite3_bind_int64(insert_, 3, metric);
    sqlite3_bind_int64(insert_, 4, absl::ToUnixMicros(use.time));
    sqlite3_bind_double(insert_, 5, use.value);
    Bind(insert_, 6, use.user);
    Run(insert_);
    if (sqlite3_changes(db_) == 0) continue;
    sqlite3_bind_int64(day_, 1, account.no);
    sqlite3_bind_int64(day_, 2, day);
    sqlite3_bind_int64(day_, 3, metric);
    sqlite3_bind_double(day_, 4, use.value);
    Run(day_);
    if (!account.touched) touched.push_back(&account);
    account.touched = true;
    if (use.value == 0) continue;
    sqlite3_bind_int64(last_, 1, account.no);
    sqlite3_bind_int64(last_, 2, metric);
    sqlite3_bind_int64(last_, 3, day);
    Run(last_);
    sqlite3_bind_int64(user_, 1, account.no);
    sqlite3_bind_int64(user_, 2, day);
    sqlite3_bind_int64(user_, 3, metric);
    Bind(user_, 4, use.user);
    Run(user_);
  }
  for (Account* account : touched) {
    account->touched = false;
    if (!facts) continue;
    ++account->payload.back();
    sqlite3_bind_int64(facts_, 1, ++revision_);
    sqlite3_bind_int64(facts_, 2, absl::ToUnixMicros(batch.back().time));
    sqlite3_bind_blob(facts_, 3, account->payload.data(), static_cast<int>(account->payload.size()), SQLITE_STATIC);
    sqlite3_bind_int64(facts_, 4, account->no);
    Run(facts_);
  }
  Execute("COMMIT");
}

}  // namespace perennial::bench
