// Rows per second of durable ingestion of usage events into accounts-svc on PostgreSQL (goal P9). Beside it, in the same run, in
// turns and on the same server, loops over libpq that do the same to copies of the same tables (see raw_postgres.h).
//
//   bench_ingestion_postgres --accounts=10000 --batch=5000 --batches=2 --rounds=3

#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "bench/measure.h"
#include "bench/raw_postgres.h"
#include "bench/stream_client.h"
#include "common/base/time_util.h"
#include "tests/testing/accounts_process.h"
#include "tests/testing/postgres_fixture.h"

ABSL_FLAG(int, accounts, 10000, "Accounts, over which events are spread evenly");
ABSL_FLAG(int, batch, 5000, "Events of a batch");
ABSL_FLAG(int, batches, 2, "Batches of each contender in each round");
ABSL_FLAG(int, rounds, 3, "Rounds; the median counts");

namespace {

namespace accounts = perennial::accounts::v1;
namespace bench = perennial::bench;

class Contest {
 public:
  nlohmann::json Run() {
    const std::string connection = cluster_.Connection("service");
    perennial::testing::AccountsProcess service({.folder = folder_.path(), .database = connection});
    if (!service.Start()) bench::Die(service.Log());
    const perennial::testing::AccountsClient client(service.Channel());
    bench::LoadPortfolio(*client.ingest, absl::GetFlag(FLAGS_accounts), now_);
    Ours(*client.ingest);  // the first touch of each account is measured apart
    bench::RawPostgres loop(connection, "service", "by_hand", false);
    bench::RawPostgres pipeline(connection, "service", "pipelined", true);
    std::vector<double> ours, plain, ahead;
    for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
      ours.push_back(Ours(*client.ingest));
      plain.push_back(Theirs(loop));
      ahead.push_back(Theirs(pipeline));
    }
    service.Terminate();
    return {{"benchmark", "ingestion_postgres"},
            {"accounts", absl::GetFlag(FLAGS_accounts)},
            {"events_a_batch", absl::GetFlag(FLAGS_batch)},
            {"rows_a_round", Rows()},
            {"rows_per_second", bench::Median(ours)},
            {"loop_rows_per_second", bench::Median(plain)},
            {"pipeline_rows_per_second", bench::Median(ahead)},
            {"ratio_to_loop", bench::MedianRatio(ours, plain)},
            {"ratio_to_pipeline", bench::MedianRatio(ours, ahead)}};
  }

 private:
  static double Rows() { return static_cast<double>(absl::GetFlag(FLAGS_batch)) * absl::GetFlag(FLAGS_batches); }

  double Ours(accounts::IngestService::Stub& stub) {
    std::vector<accounts::StreamRecordsRequest> requests(static_cast<std::size_t>(absl::GetFlag(FLAGS_batches)));
    std::int64_t id = 0;
    for (auto& request : requests) {
      request.set_batch_id(++id);
      for (const bench::Use& use : maker_.Batch(absl::GetFlag(FLAGS_batch))) *request.add_records() = bench::ToRecord(use);
    }
    const auto start = bench::Clock::now();
    bench::StreamAll(stub, requests);
    return Rows() / bench::Seconds(bench::Clock::now() - start);
  }

  double Theirs(bench::RawPostgres& raw) {
    std::vector<std::vector<bench::Use>> batches;
    for (int i = 0; i < absl::GetFlag(FLAGS_batches); ++i) batches.push_back(maker_.Batch(absl::GetFlag(FLAGS_batch)));
    const auto start = bench::Clock::now();
    for (const auto& batch : batches) raw.Write(batch);
    return Rows() / bench::Seconds(bench::Clock::now() - start);
  }

  const perennial::testing::TemporaryFolder folder_;
  perennial::testing::PostgresCluster cluster_{perennial::testing::PostgresCluster::Durable::kYes};
  // That of the process's clock.
  const absl::Time now_ = absl::FromCivil(absl::CivilHour(2024, 12, 31, 12), absl::UTCTimeZone());
  bench::UsageMaker maker_{now_, absl::GetFlag(FLAGS_accounts), 1};
};

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  if (!perennial::testing::PostgresCluster::Installed()) bench::Die("PostgreSQL 15 is not installed");
  std::cout << Contest().Run().dump(2) << "\n";
  return 0;
}
