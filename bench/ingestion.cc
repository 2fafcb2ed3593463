// Rows per second of durable ingestion of usage events: a client streams batches through the gateway into accounts-svc, which
// deduplicates them, rolls them up and computes the facts of every account that they touch (goal P9). Beside it, in the same
// run and in turns, a raw loop of SQLite statements that does the same to the same tables (see raw_sqlite.h).
//
//   bench_ingestion --accounts=10000 --batch=5000 --batches=8 --rounds=5 [--alone]

#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "bench/measure.h"
#include "bench/raw_sqlite.h"
#include "bench/stream_client.h"
#include "common/base/time_util.h"
#include "tests/integration/suite.h"

ABSL_FLAG(int, accounts, 10000, "Accounts, over which events are spread evenly");
ABSL_FLAG(int, batch, 5000, "Events of a batch");
ABSL_FLAG(int, batches, 8, "Batches of each contender in each round");
ABSL_FLAG(int, rounds, 5, "Rounds; the median counts");
ABSL_FLAG(bool, alone, false, "Stop health-svc and segment-svc, so that nobody reads the feed");
ABSL_FLAG(bool, direct, false, "Stream to accounts-svc itself instead of through the gateway");

namespace {

namespace accounts = perennial::accounts::v1;
namespace bench = perennial::bench;
using perennial::testing::Call;
using perennial::testing::Part;
using perennial::testing::Stubs;
using perennial::testing::Suite;

constexpr char kNow[] = "2026-06-30T12:00:00Z";

class Contest {
 public:
  Contest()
      : suite_(kNow), count_(absl::GetFlag(FLAGS_accounts)), batch_(absl::GetFlag(FLAGS_batch)),
        batches_(absl::GetFlag(FLAGS_batches)), now_(absl::FromCivil(absl::CivilHour(2026, 6, 30, 12), absl::UTCTimeZone())), maker_(now_, count_, 1) {}

  nlohmann::json Run() {
    if (absl::GetFlag(FLAGS_alone)) {
      suite_.Kill(Part::kSegments);
      suite_.Kill(Part::kHealth);
    } else if (!suite_.WaitReady()) {
      bench::Die(suite_.Logs());
    }
    const Stubs stubs(absl::GetFlag(FLAGS_direct) ? suite_.Channel(Part::kAccounts) : suite_.Channel());
    accounts::ListAccountsResponse none;
    if (!Call(*stubs.accounts, &accounts::AccountService::Stub::ListAccounts, accounts::ListAccountsRequest(), &none).ok()) {
      bench::Die(suite_.Logs());
    }
    bench::LoadPortfolio(*stubs.ingest, count_, now_);
    const std::string folder = suite_.folder();
    const std::string database = folder + "/accounts-svc/accounts.db";
    Ours(stubs);  // the first touch of each account is measured apart
    bench::RawSqlite with(database, folder + "/with.db");
    bench::RawSqlite without(database, folder + "/without.db");
    for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
      ours_.push_back(Ours(stubs));
      with_.push_back(Theirs(with, true));
      without_.push_back(Theirs(without, false));
    }
    return Result();
  }

 private:
  double Rows() const { return static_cast<double>(batch_) * batches_; }

  double Ours(const Stubs& stubs) {
    std::vector<accounts::StreamRecordsRequest> requests(static_cast<std::size_t>(batches_));
    std::int64_t id = 0;
    for (auto& request : requests) {
      request.set_batch_id(++id);
      for (const bench::Use& use : maker_.Batch(batch_)) *request.add_records() = bench::ToRecord(use);
    }
    const auto start = bench::Clock::now();
    bench::StreamAll(*stubs.ingest, requests);
    const double rate = Rows() / bench::Seconds(bench::Clock::now() - start);
    if (first_ == 0) first_ = rate;
    return rate;
  }

  double Theirs(bench::RawSqlite& raw, bool facts) {
    std::vector<std::vector<bench::Use>> batches;
    for (int i = 0; i < batches_; ++i) batches.push_back(maker_.Batch(batch_));
    const auto start = bench::Clock::now();
    for (const auto& batch : batches) raw.Write(batch, facts);
    return Rows() / bench::Seconds(bench::Clock::now() - start);
  }

  nlohmann::json Result() {
    return {{"benchmark", "ingestion"},
            {"accounts", count_},
            {"events_a_batch", batch_},
            {"rows_a_round", Rows()},
            {"readers_of_the_feed", !absl::GetFlag(FLAGS_alone)},
            {"through_gateway", !absl::GetFlag(FLAGS_direct)},
            {"first_rows_per_second", first_},
            {"rows_per_second", bench::Median(ours_)},
            {"raw_with_facts_rows_per_second", bench::Median(with_)},
            {"raw_without_facts_rows_per_second", bench::Median(without_)},
            {"ratio_with_facts", bench::MedianRatio(ours_, with_)},
            {"ratio_without_facts", bench::MedianRatio(ours_, without_)},
            {"accounts_svc_peak_memory_mb", bench::PeakMemory(suite_.process(Part::kAccounts).pid()) / 1e6}};
  }

  Suite suite_;
  const int count_;
  const int batch_;
  const int batches_;
  const absl::Time now_;
  bench::UsageMaker maker_;
  double first_ = 0;
  std::vector<double> ours_, with_, without_;
};

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  std::cout << Contest().Run().dump(2) << "\n";
  return 0;
}
