// How long after the acknowledgement of a usage event its account's new score can be read at the gateway, and its membership
// is up to date (goal P10). Starts the real processes, loads accounts, then sends single events while others stream in the
// background.
//
//   bench_freshness [ACCOUNTS [EVENTS [BACKGROUND_EVENTS_A_SECOND]]]     default 10000 2000 0

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/timing.h"
#include "tests/integration/suite.h"

namespace {

namespace accounts = perennial::accounts::v1;
namespace health = perennial::health::v1;
namespace segments = perennial::segments::v1;
using perennial::bench::Die;
using perennial::testing::Call;
using perennial::testing::Stubs;
using perennial::testing::Suite;
using Clock = std::chrono::steady_clock;

constexpr int kBatch = 5000;

std::int64_t Write(const Stubs& stubs, accounts::WriteRecordsRequest& request) {
  accounts::WriteRecordsResponse response;
  const grpc::Status status = Call(*stubs.ingest, &accounts::IngestService::Stub::WriteRecords, request, &response);
  if (!status.ok() || response.summary().errors_size() > 0) {
    Die(absl::StrCat("write failed: ", status.error_message(), response.summary().ShortDebugString()));
  }
  request.Clear();
  return response.summary().revision();
}

accounts::Record Usage(int account, std::int64_t n, std::int64_t days_ago) {
  accounts::Record record;
  record.set_record_id(absl::StrCat("u", n));
  record.set_account(absl::StrCat("accounts/a", account));
  record.mutable_event_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) - 86400 * days_ago);
  record.mutable_usage()->set_metric("logins");
  record.mutable_usage()->set_user(absl::StrCat("user", n % 7));
  return record;
}

// Each account with a subscription and some use in this and the last month.
void Load(const Stubs& stubs, int count) {
  accounts::WriteRecordsRequest request;
  std::int64_t n = 0;
  for (int i = 0; i < count; ++i) {
    accounts::Record* account = request.add_records();
    account->set_account(absl::StrCat("accounts/a", i));
    account->mutable_event_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) - 86400 * 300);
    account->mutable_account_state()->set_display_name(absl::StrCat("Account ", i));
    accounts::Record* subscription = request.add_records();
    subscription->set_account(account->account());
    *subscription->mutable_event_time() = account->event_time();
    auto* state = subscription->mutable_subscription_state();
    state->set_name(absl::StrCat(account->account(), "/subscriptions/s"));
    state->set_plan("Pro");
    state->set_seats(20);
    state->mutable_mrr()->set_amount("250");
    state->mutable_mrr()->set_currency_code("USD");
    *state->mutable_start_time() = account->event_time();
    for (const int days : {2, 9, 33, 45}) *request.add_records() = Usage(i, n++, days);
    if (request.records_size() >= kBatch) Write(stubs, request);
  }
  if (request.records_size() > 0) Write(stubs, request);
}

double Milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

nlohmann::json Quantiles(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) { return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))]; };
  return {{"p50_ms", at(0.5)}, {"p90_ms", at(0.9)}, {"p99_ms", at(0.99)}, {"max_ms", values.back()}};
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 10000;
  const int events = argc > 2 ? std::atoi(argv[2]) : 2000;
  const int background = argc > 3 ? std::atoi(argv[3]) : 0;
  Suite suite;
  if (!suite.WaitReady()) Die(suite.Logs());
  const Stubs stubs(suite.Channel());
  const auto load_start = Clock::now();
  Load(stubs, count);
  std::cerr << "loaded " << count << " accounts in " << Milliseconds(Clock::now() - load_start) / 1000 << " s\n";

  std::atomic<bool> stop = false;
  std::thread other([&] {
    const Stubs own(suite.Channel());
    std::int64_t n = 1'000'000'000;
    auto next = Clock::now();
    while (background > 0 && !stop) {
      accounts::WriteRecordsRequest request;
      for (int i = 0; i < std::max(1, background / 50); ++i, ++n) {
        *request.add_records() = Usage(static_cast<int>(n % count), n, 0);
      }
      Write(own, request);
      std::this_thread::sleep_until(next += std::chrono::milliseconds(20));
    }
  });

  std::vector<double> write;
  std::vector<double> score;
  std::vector<double> membership;
  for (int i = 0; i < events; ++i) {
    accounts::WriteRecordsRequest request;
    const int account = static_cast<int>(static_cast<std::int64_t>(i) * 7919 % count);
    *request.add_records() = Usage(account, 500'000'000 + i, 0);
    const auto sent = Clock::now();
    const std::int64_t revision = Write(stubs, request);
    const auto acknowledged = Clock::now();
    health::GetHealthScoreRequest get;
    get.set_name(absl::StrCat("accounts/a", account));
    get.set_min_facts_revision(revision);
    health::GetHealthScoreResponse got;
    if (!Call(*stubs.scores, &health::HealthScoreService::Stub::GetHealthScore, get, &got).ok()) Die(suite.Logs());
    const auto scored = Clock::now();
    segments::ListAccountSegmentsRequest list;
    list.set_account(absl::StrCat("accounts/a", account));
    list.set_min_facts_revision(revision);
    segments::ListAccountSegmentsResponse listed;
    if (!Call(*stubs.segments, &segments::SegmentService::Stub::ListAccountSegments, list, &listed).ok()) Die(suite.Logs());
    write.push_back(Milliseconds(acknowledged - sent));
    score.push_back(Milliseconds(scored - acknowledged));
    membership.push_back(Milliseconds(Clock::now() - acknowledged));
  }
  stop = true;
  other.join();
  std::cout << nlohmann::json{{"benchmark", "freshness"},
                              {"accounts", count},
                              {"events", events},
                              {"background_events_per_second", background},
                              {"write_to_acknowledgement", Quantiles(write)},
                              {"acknowledgement_to_score", Quantiles(score)},
                              {"acknowledgement_to_membership", Quantiles(membership)}}
                   .dump(2)
            << "\n";
  return 0;
}
