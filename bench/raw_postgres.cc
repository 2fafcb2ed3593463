#include "bench/raw_postgres.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"

namespace perennial::bench {
namespace {

// Answers that may be outstanding: more than fit the sockets' buffers would stop both sides.
constexpr int kMostSent = 200;

[[noreturn]] void Fail(PGconn* session, const std::string& what) {
  std::cerr << "raw PostgreSQL: " << what << ": " << PQerrorMessage(session) << "\n";
  std::exit(1);
}

}  // namespace

RawPostgres::RawPostgres(const std::string& connection, const std::string& from, const std::string& to, bool pipelined)
    : session_(PQconnectdb(connection.c_str())), pipelined_(pipelined) {
  if (PQstatus(session_) != CONNECTION_OK) Fail(session_, "connect");
  Execute("SET synchronous_commit = on");
  Execute(absl::StrCat("CREATE SCHEMA ", to));
  for (const char* table : {"accounts", "metrics", "usage_events", "usage_days", "usage_last", "usage_users", "facts"}) {
    Execute(absl::StrCat("CREATE TABLE ", to, ".", table, " (LIKE ", from, ".", table, " INCLUDING ALL); INSERT INTO ", to,
                         ".", table, " SELECT * FROM ", from, ".", table));
  }
  Execute(absl::StrCat("SET search_path = ", to, "; ANALYZE"));
  LoadAccounts();
  Prepare("insert", "INSERT INTO usage_events VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_no, record_id) DO NOTHING");
  Prepare("day",
          "INSERT INTO usage_days VALUES ($1, $2, $3, $4) ON CONFLICT (account_no, day, metric_no) DO UPDATE SET total = "
          "usage_days.total + excluded.total");
  Prepare("last",
          "INSERT INTO usage_last VALUES ($1, $2, $3) ON CONFLICT (account_no, metric_no) DO UPDATE SET last_day = "
          "excluded.last_day WHERE excluded.last_day > usage_last.last_day");
  Prepare("user", "INSERT INTO usage_users VALUES ($1, $2, $3, $4) ON CONFLICT (account_no, day, metric_no, \"user\") DO NOTHING");
  Prepare("facts", "UPDATE facts SET revision = $1, as_of = $2, payload = $3 WHERE account_no = $4");
  // All of an event in one statement, for the pipeline: the rest only if it was new.
  Prepare("event",
          "WITH new AS (INSERT INTO usage_events VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_no, record_id) DO NOTHING "
          "RETURNING account_no, metric_no, value, \"user\"), day AS (INSERT INTO usage_days SELECT account_no, $7::bigint, metric_no, "
          "value FROM new ON CONFLICT (account_no, day, metric_no) DO UPDATE SET total = usage_days.total + excluded.total), last "
          "AS (INSERT INTO usage_last SELECT account_no, metric_no, $7::bigint FROM new WHERE value <> 0 ON CONFLICT (account_no, "
          "metric_no) DO UPDATE SET last_day = excluded.last_day WHERE excluded.last_day > usage_last.last_day) INSERT INTO "
          "usage_users SELECT account_no, $7::bigint, metric_no, \"user\" FROM new WHERE value <> 0 ON CONFLICT (account_no, day, "
          "metric_no, \"user\") DO NOTHING");
  if (pipelined_ && PQenterPipelineMode(session_) != 1) Fail(session_, "pipeline mode");
}

RawPostgres::~RawPostgres() { PQfinish(session_); }

void RawPostgres::Execute(const std::string& sql) {
  PGresult* result = PQexec(session_, sql.c_str());
  const auto status = PQresultStatus(result);
  PQclear(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) Fail(session_, sql);
}

void RawPostgres::Prepare(const char* name, const char* sql) {
  PGresult* result = PQprepare(session_, name, sql, 0, nullptr);
  const auto status = PQresultStatus(result);
  PQclear(result);
  if (status != PGRES_COMMAND_OK) Fail(session_, sql);
}

void RawPostgres::LoadAccounts() {
  PGresult* all = PQexecParams(session_,
                               "SELECT substr(a.account_id, 2)::int, a.account_no::text, f.revision::text, encode(f.payload, "
                               "'hex') FROM accounts a JOIN facts f USING (account_no)",
                               0, nullptr, nullptr, nullptr, nullptr, 0);
  for (int row = 0; row < PQntuples(all); ++row) {
    const auto id = static_cast<std::size_t>(std::atoi(PQgetvalue(all, row, 0)));
    if (id >= accounts_.size()) accounts_.resize(id + 1);
    accounts_[id].no = PQgetvalue(all, row, 1);
    revision_ = std::max<std::int64_t>(revision_, std::atoll(PQgetvalue(all, row, 2)));
    accounts_[id].payload = std::string(std::string(PQgetvalue(all, row, 3)).size() / 2, 'p');
  }
  PQclear(all);
  for (const char* name : kMetrics) {
    PGresult* found = PQexecParams(session_, "SELECT metric_no::text FROM metrics WHERE name = $1", 1, nullptr, &name, nullptr,
                                   nullptr, 0);
    if (PQntuples(found) != 1) Fail(session_, name);
    metrics_.emplace_back(PQgetvalue(found, 0, 0));
    PQclear(found);
  }
}

int RawPostgres::Run(const char* name, const std::vector<std::string>& texts, int blob) {
  const char* values[8];
  int lengths[8];
  int formats[8];
  for (std::size_t i = 0; i < texts.size(); ++i) {
    values[i] = texts[i].c_str();
    lengths[i] = static_cast<int>(texts[i].size());
    formats[i] = static_cast<int>(i) == blob ? 1 : 0;
  }
  const int count = static_cast<int>(texts.size());
  if (pipelined_) {
    if (PQsendQueryPrepared(session_, name, count, values, lengths, formats, 0) != 1) Fail(session_, name);
    if (++sent_ >= kMostSent) Drain();
    return 1;
  }
  PGresult* result = PQexecPrepared(session_, name, count, values, lengths, formats, 0);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) Fail(session_, name);
  const int changed = std::atoi(PQcmdTuples(result));
  PQclear(result);
  return changed;
}

// Takes the answers to all that was sent ahead.
void RawPostgres::Drain() {
  if (PQpipelineSync(session_) != 1) Fail(session_, "sync");
  for (;;) {
    PGresult* result = PQgetResult(session_);
    if (result == nullptr) continue;  // between two answers
    const auto status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status != PGRES_COMMAND_OK) Fail(session_, "pipeline");
  }
  sent_ = 0;
}

void RawPostgres::Write(const std::vector<Use>& batch) {
  const auto control = [&](const char* sql) {
    if (!pipelined_) return Execute(sql);
    if (PQsendQueryParams(session_, sql, 0, nullptr, nullptr, nullptr, nullptr, 0) != 1) Fail(session_, sql);
    ++sent_;
  };
  std::vector<Account*> touched;
  control("BEGIN");
  for (const Use& use : batch) {
    Account& account = accounts_[static_cast<std::size_t>(use.account)];
    const std::string& metric = metrics_[static_cast<std::size_t>(use.metric)];
    const std::string day = absl::StrCat(DayOf(use.time));
    const std::string value = absl::StrCat(use.value);
    const std::string time = absl::StrCat(absl::ToUnixMicros(use.time));
    if (pipelined_) {
      Run("event", {account.no, use.record_id, metric, time, value, use.user, day});
    } else {
      if (Run("insert", {account.no, use.record_id, metric, time, value, use.user}) == 0) continue;
      Run("day", {account.no, day, metric, value});
      if (use.value != 0) Run("last", {account.no, metric, day});
      if (use.value != 0) Run("user", {account.no, day, metric, use.user});
    }
    if (!account.touched) touched.push_back(&account);
    account.touched = true;
  }
  for (Account* account : touched) {
    account->touched = false;
    ++account->payload.back();
    Run("facts", {absl::StrCat(++revision_), absl::StrCat(absl::ToUnixMicros(batch.back().time)), account->payload, account->no},
        2);
  }
  control("COMMIT");
  if (pipelined_) Drain();
}

}  // namespace perennial::bench
