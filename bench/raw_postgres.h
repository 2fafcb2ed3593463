#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bench/usage_load.h"

namespace perennial::bench {

// The peer of ingestion into PostgreSQL: what a careful person would write by hand around libpq's prepared statements, in one
// process and one session, on copies of the service's own tables in another schema of the same server. A batch is one
// transaction with synchronous_commit = on, and the statements are those of RawSqlite: each event, and if it was new its day's
// sum, its last day and its user; then a row of facts for each account that was touched.
// Without `pipelined` each statement waits for its answer; with it all of a batch are sent ahead (libpq's pipeline mode), and
// what depends on whether the event was new is one statement with it.
class RawPostgres {
 public:
  // `from` is the schema of the service's tables, which are copied into the new schema `to`.
  RawPostgres(const std::string& connection, const std::string& from, const std::string& to, bool pipelined);
  ~RawPostgres();
  RawPostgres(const RawPostgres&) = delete;
  RawPostgres& operator=(const RawPostgres&) = delete;

  void Write(const std::vector<Use>& batch);

 private:
  struct Account {
    std::string no;
    std::string payload;
    bool touched = false;
  };
  void Execute(const std::string& sql);
  void Prepare(const char* name, const char* sql);
  // Runs a prepared statement, or sends it ahead; rows that it changed (1 when it was sent ahead).
  int Run(const char* name, const std::vector<std::string>& texts, int blob = -1);
  void LoadAccounts();
  void Drain();

  PGconn* session_ = nullptr;
  const bool pipelined_;
  std::vector<Account> accounts_;  // by number in their id
  std::vector<std::string> metrics_;
  std::int64_t revision_ = 0;
  int sent_ = 0;
};

}  // namespace perennial::bench
