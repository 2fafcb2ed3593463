// accounts-svc by the number of accounts (goals P11, P12 and P14): memory, time from start to ready, cost of ingestion a row,
// and the sweep after midnight, during which somebody else writes.
//
//   bench_scale --accounts=1000000
//
// The store is filled by copying one account, which the service itself has computed (60 facts), under other numbers. With --raw
// the same events go in turns into a copy of it by a raw loop of SQLite statements (see raw_sqlite.h).

#include <grpcpp/grpcpp.h>
#include <sqlite3.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "bench/measure.h"
#include "bench/raw_sqlite.h"
#include "bench/stream_client.h"
#include "bench/wal_pages.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "tests/testing/process.h"

ABSL_FLAG(int, accounts, 100000, "Accounts");
ABSL_FLAG(int, active, 0, "Accounts that events are about; 0: all");
ABSL_FLAG(int, batches, 20, "Batches of 5,000 events");
ABSL_FLAG(int, restarts, 5, "Starts that are timed");
ABSL_FLAG(bool, raw, false, "Whether to measure a raw loop beside ingestion");
ABSL_FLAG(bool, pages, false, "Whether to count the pages that an event writes, by table; makes it slower");
ABSL_FLAG(std::string, store, "", "A file that keeps the filled store from run to run; made when it is not there");
ABSL_FLAG(bool, midnight, true, "Whether to measure the sweep after midnight");

namespace {

namespace v1 = perennial::accounts::v1;
namespace bench = perennial::bench;
using perennial::testing::Process;

constexpr char kNow[] = "2026-06-30T12:00:00Z";
constexpr char kAfterMidnight[] = "2026-07-01T00:00:10Z";

void Execute(sqlite3* db, const std::string& sql) {
  char* error = nullptr;
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error) != SQLITE_OK) bench::Die(error);
}

std::int64_t Ask(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  std::int64_t value = -1;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK) {
    sqlite3_busy_timeout(db, 1000);
    if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
      value = sqlite3_column_int64(statement, 0);
    }
  }
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return value;
}

// accounts-svc on one folder, started as often as is asked for.
class Service {
 public:
  Service() : port_(perennial::testing::FreePort()) {}

  // Seconds until it is ready.
  double Start(const std::string& now) {
    const auto start = bench::Clock::now();
    process_ = std::make_unique<Process>(
        std::vector<std::string>{absl::StrCat(PERENNIAL_BINARY_DIR, "/accounts-svc"), absl::StrCat("--port=", port_),
                                 absl::StrCat("--data=", folder_.path()), absl::StrCat("--now=", now)},
        folder_.path() + "/log");
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 5);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 10);
    arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 5);
    arguments.SetMaxReceiveMessageSize(64 << 20);
    channel_ = grpc::CreateCustomChannel(absl::StrCat("localhost:", port_), grpc::InsecureChannelCredentials(), arguments);
    const auto health = grpc::health::v1::Health::NewStub(channel_);
    for (;;) {
      grpc::ClientContext context;
      grpc::health::v1::HealthCheckRequest request;
      grpc::health::v1::HealthCheckResponse response;
      request.set_service("readiness");
      if (health->Check(&context, request, &response).ok() &&
          response.status() == grpc::health::v1::HealthCheckResponse::SERVING) {
        return bench::Seconds(bench::Clock::now() - start);
      }
      if (!process_->running()) bench::Die(perennial::testing::ReadFile(folder_.path() + "/log"));
      if (bench::Seconds(bench::Clock::now() - start) > 120) bench::Die("accounts-svc does not become ready");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  void Stop() {
    process_->Signal(SIGTERM);
    process_->Wait();
  }
  [[nodiscard]] std::string folder() const { return folder_.path(); }
  [[nodiscard]] std::string database() const { return folder_.path() + "/accounts.db"; }
  [[nodiscard]] double memory_mb() const { return bench::MemoryOf(process_->pid(), "VmRSS") / 1e6; }
  [[nodiscard]] double peak_mb() const { return bench::PeakMemory(process_->pid()) / 1e6; }
  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  const perennial::testing::TemporaryFolder folder_;
  const int port_;
  std::unique_ptr<Process> process_;
  std::shared_ptr<grpc::Channel> channel_;
};

// Account a0 has number 1; gives a1 ... the same as it has, to the last row.
void Multiply(const std::string& database, int accounts) {
  sqlite3* db = nullptr;
  if (sqlite3_open(database.c_str(), &db) != SQLITE_OK) bench::Die("cannot open the store");
  Execute(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; BEGIN");
  Execute(db, absl::StrCat("CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM c WHERE i < ",
                           accounts, ") SELECT i FROM c"));
  // Every table of accounts, column by column; ids and revisions follow the number.
  sqlite3_stmt* tables = nullptr;
  sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master m WHERE type = 'table' AND EXISTS (SELECT 1 FROM "
                         "pragma_table_info(m.name) WHERE name = 'account_no')", -1, &tables, nullptr);
  while (sqlite3_step(tables) == SQLITE_ROW) {
    const std::string table = reinterpret_cast<const char*>(sqlite3_column_text(tables, 0));
    std::string columns;
    sqlite3_stmt* infos = nullptr;
    sqlite3_prepare_v2(db, absl::StrCat("SELECT name FROM pragma_table_info('", table, "')").c_str(), -1, &infos, nullptr);
    while (sqlite3_step(infos) == SQLITE_ROW) {
      const std::string column = reinterpret_cast<const char*>(sqlite3_column_text(infos, 0));
      absl::StrAppend(&columns, columns.empty() ? "" : ", ",
                      column == "account_no"   ? "i"
                      : column == "account_id" ? "'a' || (i - 1)"
                      : column == "revision"   ? "t.revision + i"
                                               : absl::StrCat("t.\"", column, "\""));
    }
    sqlite3_finalize(infos);
    Execute(db, absl::StrCat("INSERT INTO ", table, " SELECT ", columns, " FROM n CROSS JOIN ", table, " t WHERE t.account_no = 1 "
                             "ORDER BY i"));
  }
  sqlite3_finalize(tables);
  Execute(db, "COMMIT; PRAGMA journal_mode = WAL");
  sqlite3_close(db);
}

// Gives account a0 attributes, so that it has 60 facts and more.
void Enrich(v1::IngestService::Stub& ingest, absl::Time now) {
  v1::WriteRecordsRequest request;
  v1::Record* record = request.add_records();
  record->set_account("accounts/a0");
  perennial::SetTimestamp(now - absl::Hours(24 * 200), record->mutable_event_time());
  record->mutable_account_state()->set_display_name("Account 0");
  for (int i = 0; i < 5; ++i) {
    (*record->mutable_account_state()->mutable_attributes())[absl::StrCat("number_", i)].set_number(i);
  }
  (*record->mutable_account_state()->mutable_attributes())["industry"].set_text("software");
  for (int i = 0; i < 3; ++i) {
    v1::Record* touch = request.add_records();
    touch->set_account("accounts/a0");
    touch->set_record_id(absl::StrCat("t", i));
    perennial::SetTimestamp(now - absl::Hours(24 * 10 * i), touch->mutable_event_time());
    touch->mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_EMAIL);
    touch->mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
  }
  grpc::ClientContext context;
  v1::WriteRecordsResponse response;
  if (!ingest.WriteRecords(&context, request, &response).ok() || response.summary().errors_size() > 0) {
    bench::Die("cannot write: " + response.ShortDebugString());
  }
}

// Reads the whole feed once; how many rows, and how many facts the last one has.
std::pair<std::int64_t, int> ReadFeed(const std::shared_ptr<grpc::Channel>& channel, std::int64_t from) {
  const auto facts = v1::FactService::NewStub(channel);
  grpc::ClientContext context;
  v1::WatchFactsRequest request;
  request.set_start_revision(from);
  auto watch = facts->WatchFacts(&context, request);
  v1::WatchFactsResponse message;
  std::int64_t rows = 0;
  int known = 0;
  while (watch->Read(&message)) {
    rows += message.rows_size();
    for (const auto& row : message.rows()) known = row.number_ids_size() + row.text_ids_size();
    if (message.caught_up()) break;
  }
  context.TryCancel();
  return {rows, known};
}

nlohmann::json Quantiles(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) { return 1000 * seconds[static_cast<std::size_t>(share * static_cast<double>(seconds.size() - 1))]; };
  return {{"p50_ms", at(0.5)}, {"p99_ms", at(0.99)}, {"max_ms", at(1)}};
}

// The service on the day after: how long the sweep takes, and single writes beside it.
nlohmann::json Midnight(Service& service, int accounts) {
  service.Start(kAfterMidnight);
  const auto start = bench::Clock::now();
  const auto ingest = v1::IngestService::NewStub(service.channel());
  std::vector<double> writes;
  const std::int64_t rows_of_old_day = Ask(service.database(), "SELECT count(*) FROM facts WHERE as_of < 1782864000000000");
  while (Ask(service.database(), "SELECT count(*) FROM settings WHERE key = 'swept' AND value LIKE '20635/%'") == 0) {
    v1::WriteRecordsRequest request;
    for (const bench::Use& use : bench::UsageMaker(absl::FromUnixSeconds(1782864010), accounts, static_cast<unsigned>(writes.size())).Batch(1)) {
      *request.add_records() = bench::ToRecord(use);
    }
    const auto sent = bench::Clock::now();
    grpc::ClientContext context;
    v1::WriteRecordsResponse response;
    if (!ingest->WriteRecords(&context, request, &response).ok()) bench::Die("a write failed during the sweep");
    writes.push_back(bench::Seconds(bench::Clock::now() - sent));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (bench::Seconds(bench::Clock::now() - start) > 900) bench::Die("the sweep does not end");
  }
  nlohmann::json result = Quantiles(writes);
  const double seconds = bench::Seconds(bench::Clock::now() - start);
  result["seconds"] = seconds;
  result["accounts_per_second"] = static_cast<double>(rows_of_old_day) / seconds;
  result["peak_memory_mb"] = service.peak_mb();
  service.Stop();
  return result;
}

// Rows per second of the raw loop, over batches as the service gets them.
double WriteRaw(bench::RawSqlite& raw, bench::UsageMaker& maker) {
  std::vector<std::vector<bench::Use>> batches;
  for (int i = 0; i < 4; ++i) batches.push_back(maker.Batch(5000));
  const auto start = bench::Clock::now();
  for (const auto& batch : batches) raw.Write(batch, true);
  return 20'000 / bench::Seconds(bench::Clock::now() - start);
}

nlohmann::json PagesAnEvent(bench::WalPages& pages, int events) {
  nlohmann::json result;
  double total = 0;
  for (const auto& [name, count] : pages.Count()) {
    total += static_cast<double>(count) / events;
    if (count * 1000 > events) result[name] = static_cast<double>(count) / events;
  }
  result["all"] = total;
  return result;
}

nlohmann::json Ingest(Service& service, int accounts, absl::Time now, bench::RawSqlite* raw) {
  const int active = absl::GetFlag(FLAGS_active) == 0 ? accounts : absl::GetFlag(FLAGS_active);
  bench::UsageMaker maker(now, active, 1);
  const auto ingest = v1::IngestService::NewStub(service.channel());
  std::vector<double> rates;
  std::vector<double> raw_rates;
  const int rounds = std::max(1, absl::GetFlag(FLAGS_batches) / 4);
  std::optional<bench::WalPages> pages;
  std::optional<bench::WalPages> raw_pages;
  if (absl::GetFlag(FLAGS_pages)) pages.emplace(service.database());
  if (absl::GetFlag(FLAGS_pages) && raw != nullptr) raw_pages.emplace(raw->path());
  for (int round = 0; round < rounds; ++round) {
    std::vector<v1::StreamRecordsRequest> requests(4);
    for (auto& request : requests) {
      for (const bench::Use& use : maker.Batch(5000)) *request.add_records() = bench::ToRecord(use);
    }
    const auto start = bench::Clock::now();
    bench::StreamAll(*ingest, requests);
    rates.push_back(20'000 / bench::Seconds(bench::Clock::now() - start));
    if (raw != nullptr) raw_rates.push_back(WriteRaw(*raw, maker));
  }
  nlohmann::json result = {{"active_accounts", active},
          {"first_rows_per_second", rates.front()},
          {"rows_per_second", bench::Median({rates.begin() + rounds / 2, rates.end()})},
          {"memory_mb", service.memory_mb()},
          {"peak_memory_mb", service.peak_mb()}};
  if (pages.has_value()) result["pages_an_event"] = PagesAnEvent(*pages, rounds * 20'000);
  if (raw_pages.has_value()) result["raw_pages_an_event"] = PagesAnEvent(*raw_pages, rounds * 20'000);
  if (raw == nullptr) return result;
  result["raw_rows_per_second"] = bench::Median({raw_rates.begin() + rounds / 2, raw_rates.end()});
  result["ratio"] = bench::MedianRatio({rates.begin() + rounds / 2, rates.end()}, {raw_rates.begin() + rounds / 2, raw_rates.end()});
  return result;
}

// Every account as the sweep of the day leaves it.
void Sweep(Service& service) {
  {
    sqlite3* db = nullptr;
    if (sqlite3_open(service.database().c_str(), &db) != SQLITE_OK) bench::Die("cannot open the store");
    Execute(db, "DELETE FROM settings WHERE key = 'swept'");
    sqlite3_close(db);
  }
  service.Start(kNow);
  const auto start = bench::Clock::now();
  while (Ask(service.database(), "SELECT count(*) FROM settings WHERE key = 'swept' AND value LIKE '20634/%'") == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (bench::Seconds(bench::Clock::now() - start) > 1800) bench::Die("the sweep does not end");
  }
  service.Stop();
}

// Puts the filled store into the service's folder.
void Fill(Service& service, int accounts, absl::Time now) {
  const std::string kept = absl::GetFlag(FLAGS_store);
  if (!kept.empty() && std::filesystem::exists(kept)) {
    std::filesystem::copy_file(kept, service.database());
    return;
  }
  service.Start(kNow);
  {
    const auto ingest = v1::IngestService::NewStub(service.channel());
    bench::LoadPortfolio(*ingest, 1, now);
    Enrich(*ingest, now);
  }
  while (Ask(service.database(), "SELECT count(*) FROM settings WHERE key = 'swept'") == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // metrics that are new are swept for once more
  service.Stop();
  Multiply(service.database(), accounts);
  Sweep(service);
  if (!kept.empty()) std::filesystem::copy_file(service.database(), kept);
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const int accounts = absl::GetFlag(FLAGS_accounts);
  absl::Time now;
  std::string error;
  absl::ParseTime(absl::RFC3339_full, kNow, &now, &error);
  Service service;
  Fill(service, accounts, now);
  std::optional<bench::RawSqlite> raw;
  if (absl::GetFlag(FLAGS_raw)) raw.emplace(service.database(), service.folder() + "/raw.db");
  std::vector<double> ready;
  for (int i = 0; i < absl::GetFlag(FLAGS_restarts); ++i) {
    ready.push_back(service.Start(kNow));
    if (i + 1 < absl::GetFlag(FLAGS_restarts)) service.Stop();
  }
  nlohmann::json result = {{"benchmark", "scale"},
                           {"accounts", accounts},
                           {"store_mb", static_cast<double>(std::filesystem::file_size(service.database())) / 1e6},
                           {"start_to_ready_s", bench::Median(ready)},
                           {"memory_when_ready_mb", service.memory_mb()}};
  const auto start = bench::Clock::now();
  const auto [rows, facts] = ReadFeed(service.channel(), 0);
  result["feed_rows"] = rows;
  result["facts_of_a_row"] = facts;
  result["feed_rows_per_second"] = static_cast<double>(rows) / bench::Seconds(bench::Clock::now() - start);
  result["memory_after_feed_mb"] = service.memory_mb();
  result["ingestion"] = Ingest(service, accounts, now, raw.has_value() ? &*raw : nullptr);
  service.Stop();
  if (absl::GetFlag(FLAGS_midnight)) result["midnight"] = Midnight(service, accounts);
  std::cout << result.dump(2) << "\n";
  return 0;
}
