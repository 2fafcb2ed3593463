#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "health-svc/shard/shards.h"
#include "tests/health/health_fixture.h"
#include "tests/testing/redis_fixture.h"

namespace perennial::health {

// Two replicas of health-svc in this process, which share the accounts, with an accounts-svc that does as the test says
// and a Redis.
class ShardedFixture : public ::testing::Test {
 protected:
  static constexpr int kReplicas = 2;

  ShardedFixture() {
    for (int& port : ports_) port = perennial::testing::FreePort();
  }

  void Start(int replica) {
    auto scorecards = ParseScorecards(kTestScorecards);
    auto rules = ParseFlagRules(kTestRules);
    ASSERT_TRUE(scorecards.ok() && rules.ok());
    HealthProcessOptions options{.data = absl::StrCat(folder_.path(), "/", replica),
                                 .accounts = accounts_.channel(),
                                 .redis = redis_.address(),
                                 .scorecards = *scorecards,
                                 .flag_rules = *rules,
                                 .server = {.port = static_cast<std::uint16_t>(ports_[Index(replica)]),
                                            .grace = std::chrono::milliseconds(2000)},
                                 .tick = std::chrono::milliseconds(5)};
    options.shard = {.index = replica, .count = kReplicas};
    for (const int port : ports_) options.shard.replicas.push_back(MakeChannel(absl::StrCat("127.0.0.1:", port)));
    auto process = HealthProcess::Start(std::move(options), clock_);
    ASSERT_TRUE(process.ok()) << process.status();
    processes_[Index(replica)] = *std::move(process);
    channels_[Index(replica)] = MakeChannel(absl::StrCat("127.0.0.1:", ports_[Index(replica)]));
  }
  void StartBoth() {
    for (int i = 0; i < kReplicas; ++i) ASSERT_NO_FATAL_FAILURE(Start(i));
  }
  void Stop(int replica) { processes_[Index(replica)].reset(); }

  // Accounts "a0" to "a<n-1>", whose scores are their numbers.
  void PutAccounts(int count) {
    for (int i = 0; i < count; ++i) {
      accounts_.Put(absl::StrCat("a", i), {{"use", static_cast<double>(i % 101)}, {"mrr", 10.0}});
    }
  }
  static std::string AccountOf(int shard, int from = 0) {
    int i = from;
    while (ShardOf(absl::StrCat("a", i), kReplicas) != shard) ++i;
    return absl::StrCat("a", i);
  }
  static int NumberOf(const std::string& account) { return std::stoi(account.substr(1)); }

  std::unique_ptr<v1::HealthScoreService::Stub> Scores(int replica) {
    return v1::HealthScoreService::NewStub(channels_[Index(replica)]);
  }
  std::unique_ptr<v1::FlagService::Stub> Flags(int replica) {
    return v1::FlagService::NewStub(channels_[Index(replica)]);
  }
  std::unique_ptr<v1::ScorecardService::Stub> Cards(int replica) {
    return v1::ScorecardService::NewStub(channels_[Index(replica)]);
  }
  std::unique_ptr<v1::ValueService::Stub> Values(int replica) {
    return v1::ValueService::NewStub(channels_[Index(replica)]);
  }
  // Waits until both have scored all facts, and have a connection to each other.
  void WaitForBoth() {
    v1::HealthScore score;
    v1::ListHealthScoresRequest request;
    request.set_page_size(1);
    v1::ListHealthScoresResponse response;
    for (int shard = 0; shard < kReplicas; ++shard) {
      ASSERT_TRUE(Eventually([&] { return Get(shard, AccountOf(shard), &score, accounts_.revision()).ok(); }));
      ASSERT_TRUE(Eventually([&] {
        return Call(&v1::HealthScoreService::Stub::ListHealthScores, Scores(shard), request, &response).ok();
      }));
    }
  }
  // Calls with a deadline.
  template <class Stub, class Request, class Response>
  static grpc::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                           const std::unique_ptr<Stub>& stub, const Request& request, Response* response,
                           std::chrono::milliseconds deadline = std::chrono::seconds(60)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    return (stub.get()->*method)(&context, request, response);
  }
  grpc::Status Get(int replica, const std::string& account, v1::HealthScore* out, std::int64_t min_facts_revision = 0,
                   std::chrono::milliseconds deadline = std::chrono::seconds(60)) {
    v1::GetHealthScoreRequest request;
    request.set_name("accounts/" + account);
    request.set_min_facts_revision(min_facts_revision);
    v1::GetHealthScoreResponse response;
    const grpc::Status status =
        Call(&v1::HealthScoreService::Stub::GetHealthScore, Scores(replica), request, &response, deadline);
    *out = response.health_score();
    return status;
  }
  // The number of /metrics of a replica, "name{labels}".
  double Metric(int replica, const std::string& name) {
    const std::string text = processes_[Index(replica)]->metrics().Text();
    const std::size_t at = text.find("\n" + name + " ");
    EXPECT_NE(at, std::string::npos) << name << " is not among\n" << text;
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  }

  static std::size_t Index(int replica) { return static_cast<std::size_t>(replica); }

  MovedClock clock_;
  perennial::testing::TemporaryFolder folder_;
  perennial::testing::RedisServer redis_;
  FakeAccounts accounts_;
  std::array<int, kReplicas> ports_{};
  std::array<std::shared_ptr<grpc::Channel>, kReplicas> channels_;
  std::array<std::unique_ptr<HealthProcess>, kReplicas> processes_;
};

}  // namespace perennial::health
