// segment-svc with a large portfolio (P11, P12, P14): the real process behind a feed of sixty facts an account and one
// of scores. How long a first start takes and a restart after SIGKILL, until it is ready, and how much memory it holds.
//
//   bench_segment_portfolio [accounts] [restarts]

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/measure.h"
#include "bench/portfolio_feed.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "perennial/segments/v1/portfolio_service.grpc.pb.h"
#include "perennial/segments/v1/segment_service.grpc.pb.h"
#include "tests/testing/process.h"

namespace {

namespace bench = perennial::bench;
namespace health = perennial::health::v1;
namespace segments = perennial::segments::v1;
using bench::PortfolioFeed;
using perennial::testing::Process;
using perennial::testing::ReadFile;

constexpr std::int64_t kNow = 1735603199;  // that of PortfolioFeed

// A score with ten measures for each account of PortfolioFeed.
class Scores final : public health::HealthScoreService::CallbackService {
 public:
  explicit Scores(std::int64_t accounts) : accounts_(accounts) {}
  void Drain() { hub_.Drain(); }

  grpc::ServerWriteReactor<health::WatchHealthScoresResponse>* WatchHealthScores(
      grpc::CallbackServerContext*, const health::WatchHealthScoresRequest* request) override {
    const auto next = std::make_shared<std::int64_t>(request->start_revision());
    const auto told = std::make_shared<bool>(false);
    return perennial::WatchStream<health::WatchHealthScoresResponse>::Start(
        hub_, pool_, [this, next, told]() -> absl::StatusOr<std::optional<health::WatchHealthScoresResponse>> {
          if (*next >= accounts_ && *told) return std::nullopt;
          health::WatchHealthScoresResponse out;
          for (; *next < accounts_ && out.updates_size() < 500; ++*next) Add(*next, out);
          *told = *next >= accounts_;
          out.set_progress_revision(*next);
          out.set_caught_up(*told);
          if (*told) out.set_facts_revision(accounts_);
          return out;
        });
  }

 private:
  static void Add(std::int64_t number, health::WatchHealthScoresResponse& out) {
    health::HealthScoreUpdate* update = out.add_updates();
    update->set_account_id(PortfolioFeed::AccountId(number));
    update->set_revision(number + 1);
    health::HealthScore* score = update->mutable_health_score();
    const double points = static_cast<double>(number * 7919 % 1000) / 10;
    score->set_score(points);
    score->set_band(points < 50 ? "red" : points < 75 ? "yellow" : "green");
    score->set_coverage(0.8);
    score->mutable_as_of()->set_seconds(kNow);
    score->mutable_band_time()->set_seconds(kNow - number % 100 * 86400);
    score->set_facts_revision(number + 1);
    score->set_revision(number + 1);
    for (int i = 0; i < 10; ++i) {
      auto* measure = score->add_measures();
      measure->set_measure(absl::StrCat("measure-", i));
      measure->set_score(points);
    }
    if (number % 10 == 0) score->add_open_flags("usage-falling");
  }

  const std::int64_t accounts_;
  perennial::WatchHub hub_;
  perennial::WorkerPool pool_{{.threads = 2, .max_queued = 64}};
};

class Flags final : public health::FlagService::CallbackService {
 public:
  grpc::ServerUnaryReactor* ListFlagRules(grpc::CallbackServerContext* context, const health::ListFlagRulesRequest*,
                                          health::ListFlagRulesResponse* response) override {
    response->add_rules()->set_id("usage-falling");
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// segment-svc, from its start until it is ready.
class SegmentServer {
 public:
  SegmentServer(const std::string& folder, const std::string& accounts, const std::string& scores) {
    const int port = perennial::testing::FreePort();
    const auto start = bench::Clock::now();
    process_ = std::make_unique<Process>(
        std::vector<std::string>{absl::StrCat(PERENNIAL_BINARY_DIR, "/segment-svc"), absl::StrCat("--data=", folder),
                                 absl::StrCat("--port=", port), absl::StrCat("--accounts=", accounts),
                                 absl::StrCat("--health=", scores), "--now=2024-12-30T23:59:59Z"},
        folder + ".log");
    channel_ = perennial::MakeChannel(absl::StrCat("127.0.0.1:", port));
    const auto stub = grpc::health::v1::Health::NewStub(channel_);
    while (!IsReady(*stub)) {
      const bool late = bench::Seconds(bench::Clock::now() - start) > 300;
      if (late || !process_->running()) bench::Die(ReadFile(folder + ".log"));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    start_seconds_ = bench::Seconds(bench::Clock::now() - start);
  }
  void Kill() { process_->Kill(); }
  [[nodiscard]] int pid() const { return process_->pid(); }
  [[nodiscard]] double start_seconds() const { return start_seconds_; }
  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  static bool IsReady(grpc::health::v1::Health::Stub& stub) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
    grpc::health::v1::HealthCheckRequest request;
    request.set_service("readiness");
    grpc::health::v1::HealthCheckResponse response;
    return stub.Check(&context, request, &response).ok() &&
           response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
  }

  std::unique_ptr<Process> process_;
  std::shared_ptr<grpc::Channel> channel_;
  double start_seconds_ = 0;
};

// Twenty segments with some per cent of the accounts each.
std::int64_t CreateSegments(const SegmentServer& server) {
  const auto stub = segments::SegmentService::NewStub(server.channel());
  std::int64_t members = 0;
  for (int i = 0; i < 20; ++i) {
    segments::CreateSegmentRequest request;
    request.set_segment_id(absl::StrCat("bench-", i));
    request.mutable_segment()->set_display_name("x");
    request.mutable_segment()->set_filter(
        absl::StrCat("health.score < ", 20 + i, " AND mrr > ", 500 * i, " AND usage.days_since_last > ", 2 * i));
    segments::CreateSegmentResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub->CreateSegment(&context, request, &response);
    if (!status.ok()) bench::Die(status.error_message());
    members += response.segment().member_count();
  }
  return members;
}

// What a call takes, in milliseconds.
template <class Stub, class Request, class Response>
double CallMs(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              const Request& request) {
  Response response;
  grpc::ClientContext context;
  const auto start = bench::Clock::now();
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) bench::Die(status.error_message());
  return bench::Seconds(bench::Clock::now() - start) * 1e3;
}

// What reports over all accounts take, and how long changes wait meanwhile: those by hand, each of which is stored, and
// then needs everything to itself for a moment.
nlohmann::json Reports(const SegmentServer& server) {
  const auto stub = segments::SegmentService::NewStub(server.channel());
  const auto portfolio = segments::PortfolioService::NewStub(server.channel());
  segments::CreateSegmentRequest create;
  create.set_segment_id("by-hand");
  create.mutable_segment()->set_display_name("x");
  create.mutable_segment()->set_kind(segments::SEGMENT_KIND_STATIC);
  CallMs(*stub, &segments::SegmentService::Stub::CreateSegment, create);
  std::vector<double> waits;
  const auto change = [&](std::int64_t number) {
    segments::AddMemberRequest add;
    add.set_parent("segments/by-hand");
    add.add_accounts("accounts/" + PortfolioFeed::AccountId(number));
    waits.push_back(CallMs(*stub, &segments::SegmentService::Stub::AddMember, add));
  };
  std::int64_t number = 0;
  for (int i = 0; i < 200; ++i) change(number++);
  const double alone = bench::Median(waits);
  waits.clear();
  nlohmann::json out;
  for (const auto audience : {segments::REPORT_AUDIENCE_SUCCESS, segments::REPORT_AUDIENCE_PRODUCT,
                              segments::REPORT_AUDIENCE_SALES, segments::REPORT_AUDIENCE_SUPPORT,
                              segments::REPORT_AUDIENCE_FINANCE}) {
    segments::GetPortfolioReportRequest request;
    request.set_audience(audience);
    std::vector<double> took;
    std::atomic<bool> done = false;
    std::thread reader([&] {
      for (int i = 0; i < 5; ++i) {
        took.push_back(CallMs(*portfolio, &segments::PortfolioService::Stub::GetPortfolioReport, request));
      }
      done = true;
    });
    while (!done) change(number++ % 1000);
    reader.join();
    out["report_ms"][segments::ReportAudience_Name(audience)] = bench::Median(took);
  }
  out["change_alone_ms"] = alone;
  out["change_during_reports_ms"] = bench::Median(waits);
  out["longest_change_during_reports_ms"] = *std::max_element(waits.begin(), waits.end());
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  int accounts = 100'000;
  int restarts = 5;
  if ((argc > 1 && !absl::SimpleAtoi(argv[1], &accounts)) || (argc > 2 && !absl::SimpleAtoi(argv[2], &restarts)) ||
      accounts < 1 || restarts < 1) {
    bench::Die("usage: bench_segment_portfolio [accounts] [restarts]");
  }
  PortfolioFeed facts(accounts);
  Scores scores(accounts);
  Flags flags;
  auto upstream = perennial::Server::Start({}, {&scores, &flags}, {health::HealthScoreService::service_full_name()});
  if (!upstream.ok()) bench::Die(upstream.status().ToString());
  const std::string scores_address = absl::StrCat("127.0.0.1:", (*upstream)->port());
  const perennial::testing::TemporaryFolder folder;
  const std::string data = folder.path() + "/data";
  double first_start = 0;
  std::int64_t members = 0;
  {
    SegmentServer server(data, facts.address(), scores_address);
    first_start = server.start_seconds();
    members = CreateSegments(server);
    server.Kill();
  }
  std::vector<double> start;
  std::vector<double> memory;
  std::vector<double> peak;
  nlohmann::json reports;
  for (int i = 0; i < restarts; ++i) {
    SegmentServer server(data, facts.address(), scores_address);
    start.push_back(server.start_seconds());
    memory.push_back(bench::MemoryOf(server.pid(), "VmRSS"));
    peak.push_back(bench::PeakMemory(server.pid()));
    if (i + 1 == restarts) reports = Reports(server);
    server.Kill();
  }
  (*upstream)->Stop([&] { scores.Drain(); });
  std::cout << nlohmann::json{{"benchmark", "segment-svc by size (P11, P12, P14)"},
                              {"accounts", accounts},
                              {"memberships_of_20_segments", members},
                              {"first_start_seconds", first_start},
                              {"restart_seconds", bench::Median(start)},
                              {"memory_mb", bench::Median(memory) / 1e6},
                              {"peak_memory_mb", bench::Median(peak) / 1e6},
                              {"memory_bytes_per_account", bench::Median(memory) / accounts},
                              {"reports", reports}}
                   .dump(2)
            << "\n";
  return 0;
}
