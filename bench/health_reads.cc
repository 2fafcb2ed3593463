// Reads of scores under h2load:
//   of one account from memory, 8 connections of 10 streams, against a bare callback server that answers with the same
//   bytes (P1);
//   from Redis alone, by a replica that shares the accounts with one that is gone, 80 calls at once, against
//   `redis-benchmark -t get` with 80 clients and a value of the same size (P3): by 8 h2load of 10 streams that ask for an
//   account each, which joins calls that ask for the same score at the same time, as it does in service; and for 80
//   accounts, one call after another for each, where nothing is joined: by one load generator with 8 connections (Http2Load),
//   as h2load cannot ask for several accounts, and by 80 h2load, which keep the processor busy by themselves.
//
//   bench_health_reads [rounds, at least 5] [seconds a round]

#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "bench/health_server.h"
#include "bench/http2_load.h"
#include "bench/portfolio_feed.h"
#include "bench/timing.h"
#include "common/cache/redis_client.h"
#include "health-svc/score_cache.h"
#include "health-svc/shard/shards.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "tests/testing/process.h"

namespace {

namespace v1 = perennial::health::v1;

using perennial::bench::Die;
using perennial::bench::HealthServer;
using perennial::bench::Median;
using perennial::bench::PortfolioFeed;
using perennial::testing::FreePort;
using perennial::testing::Process;
using perennial::testing::RunToEnd;

constexpr std::int64_t kAccounts = 10'000;
constexpr int kConnections = 8;
constexpr int kStreams = 10;
constexpr const char* kMethod = "/perennial.health.v1.HealthScoreService/GetHealthScore";

// Answers every GetHealthScore with the same bytes.
class Echo final : public v1::HealthScoreService::CallbackService {
 public:
  explicit Echo(v1::GetHealthScoreResponse answer) : answer_(std::move(answer)) {}
  grpc::ServerUnaryReactor* GetHealthScore(grpc::CallbackServerContext* context, const v1::GetHealthScoreRequest*,
                                           v1::GetHealthScoreResponse* response) override {
    *response = answer_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const v1::GetHealthScoreResponse answer_;
};

// Runs an Echo in this process until it is killed.
int RunEcho(const std::string& port, const std::string& file) {
  v1::GetHealthScoreResponse answer;
  if (!answer.ParseFromString(perennial::testing::ReadFile(file))) Die("no answer to echo");
  Echo echo(std::move(answer));
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + port, grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) Die("echo cannot listen");
  server->Wait();
  return 0;
}

std::string ScoreName(const std::string& account) { return absl::StrCat("accounts/", account, "/healthScore"); }

v1::GetHealthScoreResponse Get(const std::string& address, const std::string& account) {
  const auto stub = v1::HealthScoreService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  v1::GetHealthScoreRequest request;
  request.set_name(ScoreName(account));
  v1::GetHealthScoreResponse response;
  grpc::Status status;
  for (int i = 0; i < 100; ++i) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    status = stub->GetHealthScore(&context, request, &response);
    if (status.ok()) return response;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  Die(address + " answers: " + status.error_message());
}

void WriteFile(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

// A request as gRPC frames it.
std::string FramedRequest(const std::string& account) {
  v1::GetHealthScoreRequest request;
  request.set_name(ScoreName(account));
  const std::string bytes = request.SerializeAsString();
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const char head[] = {0, static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                       static_cast<char>(size)};
  return std::string(head, sizeof(head)) + bytes;
}

void WriteRequest(const std::string& path, const std::string& account) { WriteFile(path, FramedRequest(account)); }

std::vector<std::string> H2Load(const std::string& address, const std::string& body, int connections, int streams,
                                int seconds) {
  return {"h2load",
          absl::StrCat("-c", connections),
          absl::StrCat("-m", streams),
          "-t1",
          absl::StrCat("-D", seconds),
          "-d",
          body,
          "-H",
          "content-type: application/grpc",
          "-H",
          "te: trailers",
          absl::StrCat("http://", address, kMethod)};
}

// Requests a second; every one must have been answered.
double RateOf(const std::string& output) {
  std::smatch rate;
  std::smatch requests;
  if (!std::regex_search(output, rate, std::regex("finished in [^,]*, ([0-9.]+) req/s")) ||
      !std::regex_search(output, requests, std::regex("([0-9]+) failed, ([0-9]+) errored, ([0-9]+) timeout")) ||
      requests[1] != "0" || requests[2] != "0") {
    Die("h2load says: " + output);
  }
  return std::atof(rate[1].str().c_str());
}

double Load(const std::string& address, const std::string& body, int seconds) {
  return RateOf(RunToEnd(H2Load(address, body, kConnections, kStreams, seconds)).out);
}

nlohmann::json FromMemory(const PortfolioFeed& feed, const std::string& folder, int rounds, int seconds,
                          const char* self) {
  HealthServer server(folder + "/p1", feed.address());
  const std::string account = PortfolioFeed::AccountId(42);
  const v1::GetHealthScoreResponse answer = Get(server.address(), account);
  WriteFile(folder + "/answer", answer.SerializeAsString());
  WriteRequest(folder + "/request", account);
  const std::string echo_port = std::to_string(FreePort());
  const Process echo({self, "--echo", echo_port, folder + "/answer"}, folder + "/echo.log");
  const std::string echo_address = "127.0.0.1:" + echo_port;
  if (Get(echo_address, account).SerializeAsString() != answer.SerializeAsString()) Die("the echo answers otherwise");
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int round = 0; round <= rounds; ++round) {
    const double one = Load(server.address(), folder + "/request", seconds);
    const double other = Load(echo_address, folder + "/request", seconds);
    if (round == 0) continue;  // warms up
    ours.push_back(one);
    theirs.push_back(other);
  }
  // h2load counts answers, not what they say.
  if (Get(server.address(), account).SerializeAsString() != answer.SerializeAsString()) Die("the score has changed");
  server.Stop();
  const double ratio = Median(ours) / Median(theirs);
  return {{"benchmark", "GetHealthScore from memory (P1)"},
          {"answer_bytes", answer.ByteSizeLong()},
          {"requests_a_second", Median(ours)},
          {"echo_requests_a_second", Median(theirs)},
          {"ratio", ratio},
          {"goal", 0.6},
          {"reached", ratio >= 0.6},
          {"rounds", rounds}};
}

double RedisBenchmark(int port, std::size_t bytes, int seconds) {
  const std::string output =
      RunToEnd({"redis-benchmark", "-p", std::to_string(port), "-t", "set,get", "-d", std::to_string(bytes), "-c",
                std::to_string(kConnections * kStreams), "-n", std::to_string(60'000 * seconds), "--csv"})
          .out;
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (cells.size() > 1 && cells[0] == "\"GET\"") return std::atof(cells[1].c_str() + 1);
  }
  Die("redis-benchmark says: " + output);
}

// Each account asked by an h2load of its own with so many streams.
double LoadEach(const std::string& address, const std::string& folder, absl::Span<const std::string> accounts,
                int streams, int seconds) {
  std::vector<std::unique_ptr<Process>> loads;
  for (const std::string& account : accounts) {
    WriteRequest(folder + "/" + account, account);
    std::ofstream(folder + "/" + account + ".out", std::ios::trunc);
    loads.push_back(std::make_unique<Process>(H2Load(address, folder + "/" + account, 1, streams, seconds),
                                              folder + "/" + account + ".out"));
  }
  for (const auto& load : loads) (void)load->Wait();
  double sum = 0;
  for (const std::string& account : accounts) {
    sum += RateOf(perennial::testing::ReadFile(folder + "/" + account + ".out"));
  }
  return sum;
}

nlohmann::json FromRedis(const PortfolioFeed& feed, const std::string& folder, int rounds, int seconds) {
  const int redis_port = FreePort();
  const Process redis({"redis-server", "--port", std::to_string(redis_port), "--bind", "127.0.0.1", "--save", "",
                       "--appendonly", "no", "--dir", folder},
                      folder + "/redis.log");
  const std::string redis_address = absl::StrCat("127.0.0.1:", redis_port);
  const std::string nobody = absl::StrCat("127.0.0.1:", FreePort());
  const std::vector<std::string> shared = {"--redis=" + redis_address};
  std::vector<std::string> accounts;
  for (std::int64_t i = 0; accounts.size() < kConnections * kStreams; ++i) {
    if (perennial::health::ShardOf(PortfolioFeed::AccountId(i), 2) == 0)
      accounts.push_back(PortfolioFeed::AccountId(i));
  }
  std::vector<std::string> flags = shared;
  flags.push_back(absl::StrCat("--replicas=", nobody, ",", nobody));
  flags.push_back("--shard=0/2");
  HealthServer owner(folder + "/owner", feed.address(), flags);
  // Follows the configuration of the other once, then is alone.
  flags = shared;
  flags.push_back(absl::StrCat("--replicas=", owner.address(), ",", nobody));
  flags.push_back("--shard=1/2");
  HealthServer replica(folder + "/replica", feed.address(), flags);
  auto client = perennial::RedisClient::Create({.address = redis_address, .timeout = std::chrono::seconds(2)});
  if (!client.ok()) Die("no Redis");
  std::size_t bytes = 0;
  for (const std::string& account : accounts) {
    for (int i = 0; i < 1000 && bytes == 0; ++i) {
      const auto value = (*client)->Run({{"GET", perennial::health::CacheKey(account)}});
      if (value.ok()) bytes = value->front().text.size();
      if (bytes == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  while (owner.Metric("perennial_health_cache_lag_revisions") > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  owner.Stop();
  for (const std::string& account : accounts) {
    if (Get(replica.address(), account).health_score().scorecard().empty()) Die("an answer without a score");
  }
  std::vector<double> ours;
  std::vector<double> apart;
  std::vector<double> apart_by_h2load;
  std::vector<std::string> bodies;
  for (const std::string& account : accounts) bodies.push_back(FramedRequest(account));
  std::vector<double> theirs;
  for (int round = 0; round <= rounds; ++round) {
    const double one = LoadEach(replica.address(), folder, absl::MakeSpan(accounts).first(kConnections), kStreams, seconds);
    const double other = RedisBenchmark(redis_port, bytes, seconds);
    const double each = perennial::bench::Http2Load(replica.address(), kMethod, bodies, kConnections, seconds);
    const double each_by_h2load = LoadEach(replica.address(), folder, accounts, 1, seconds);
    if (round == 0) continue;  // warms up
    ours.push_back(one);
    apart.push_back(each);
    apart_by_h2load.push_back(each_by_h2load);
    theirs.push_back(other);
  }
  const double hits = replica.Metric("perennial_health_cache_reads_total{result=\"hit\",scores=\"others\"}");
  const double joined = replica.Metric("perennial_health_score_joined_total{scores=\"others\"}");
  const double sourced = replica.Metric("perennial_health_score_recomputations_total{scores=\"others\"}");
  if (sourced > 0 || hits == 0) Die(absl::StrCat("not all scores came from Redis: ", sourced, " were computed"));
  replica.Stop();
  const double ratio = Median(ours) / Median(theirs);
  return {{"benchmark", "GetHealthScore from Redis alone (P3)"},
          {"value_bytes", bytes},
          {"requests_a_second", Median(ours)},
          {"requests_a_second_of_80_accounts", Median(apart)},
          {"ratio_of_80_accounts", Median(apart) / Median(theirs)},
          {"requests_a_second_of_80_h2load", Median(apart_by_h2load)},
          {"ratio_of_80_h2load", Median(apart_by_h2load) / Median(theirs)},
          {"looked_up_in_redis", hits},
          {"joined", joined},
          {"redis_benchmark_gets_a_second", Median(theirs)},
          {"ratio", ratio},
          {"goal", 0.25},
          {"reached", ratio >= 0.25},
          {"rounds", rounds}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "--echo") return RunEcho(argv[2], argv[3]);
  int rounds = 5;
  int seconds = 3;
  if ((argc > 1 && !absl::SimpleAtoi(argv[1], &rounds)) || (argc > 2 && !absl::SimpleAtoi(argv[2], &seconds)) ||
      rounds < 5 || seconds < 1) {
    Die("usage: bench_health_reads [rounds, at least 5] [seconds a round]");
  }
  const perennial::testing::TemporaryFolder folder;
  const PortfolioFeed feed(kAccounts);
  nlohmann::json out = nlohmann::json::array();
  out.push_back(FromMemory(feed, folder.path(), rounds, seconds, argv[0]));
  out.push_back(FromRedis(feed, folder.path(), rounds, seconds));
  std::cout << out.dump(2) << "\n";
  return 0;
}
