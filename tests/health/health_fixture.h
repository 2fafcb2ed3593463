#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "health-svc/default_config.h"
#include "health-svc/health_process.h"
#include "tests/health/fake_accounts.h"
#include "tests/testing/process.h"
#include "tests/testing/status_matchers.h"

namespace perennial::health {

// A clock that a test moves.
class MovedClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override { return absl::FromUnixMicros(micros_); }
  void Advance(absl::Duration by) { micros_ += absl::ToInt64Microseconds(by); }

 private:
  std::atomic<std::int64_t> micros_ = 1735603199LL * 1000000;  // 2024-12-30T23:59:59Z
};

// Asks until the answer is true, at most a minute.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return condition();
}

// Points of the measure "use" are the fact "use" itself; "said" likewise with half the weight of the rest.
constexpr const char* kTestScorecards =
    "scorecards { id: 'general' revision: 1 "
    "groups { id: 'usage' weight: 60 } groups { id: 'voice' weight: 40 } "
    "measures { id: 'use' group: 'usage' fact: 'use' weight: 1 missing: MISSING_POLICY_REDISTRIBUTE "
    "  reason: 'use of {value} gives {score} points' "
    "  curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } } "
    "measures { id: 'said' group: 'voice' fact: 'said' weight: 1 missing: MISSING_POLICY_REDISTRIBUTE "
    "  curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } } "
    "exceptions { id: 'urgent' filter: 'urgent > 0' cap: 40 reason: 'open urgent ticket' } "
    "bands { id: 'red' } bands { id: 'yellow' lower_bound: 50 } bands { id: 'green' lower_bound: 75 } }";

constexpr const char* kTestRules =
    "rules { id: 'not-green' filter: 'health.band != green' severity: FLAG_SEVERITY_LOW category: FLAG_CATEGORY_RISK } "
    "rules { id: 'urgent' filter: 'urgent > 0' severity: FLAG_SEVERITY_HIGH category: FLAG_CATEGORY_RISK "
    "  advice: 'answer it' } "
    "rules { id: 'unused' filter: 'use <= 0' severity: FLAG_SEVERITY_MEDIUM category: FLAG_CATEGORY_RISK "
    "  raise_after { seconds: 3600 } clear_after { seconds: 600 } }";

// health-svc in this process, with an accounts-svc that does as the test says.
class HealthFixture : public ::testing::Test {
 protected:
  // Starts health-svc on its folder; false when it does not.
  bool Start() {
    auto scorecards = ParseScorecards(scorecards_);
    auto rules = ParseFlagRules(rules_);
    EXPECT_TRUE(scorecards.ok()) << scorecards.status();
    EXPECT_TRUE(rules.ok()) << rules.status();
    auto process = HealthProcess::Start({.data = folder_.path(),
                                         .accounts = accounts_.channel(),
                                         .redis = redis_,
                                         .scorecards = *scorecards,
                                         .flag_rules = *rules,
                                         .server = {.grace = std::chrono::milliseconds(2000)},
                                         .tick = std::chrono::milliseconds(5)},
                                        clock_);
    EXPECT_TRUE(process.ok()) << process.status();
    if (!process.ok()) return false;
    process_ = *std::move(process);
    channel_ = process_->server().InProcessChannel();
    scores_ = v1::HealthScoreService::NewStub(channel_);
    flags_ = v1::FlagService::NewStub(channel_);
    return true;
  }
  void Stop() {
    scores_.reset();
    flags_.reset();
    channel_.reset();
    process_.reset();
  }
  // Starts and waits until all that accounts-svc has is scored.
  void StartReady() {
    ASSERT_TRUE(Start());
    ASSERT_TRUE(WaitReady());
  }
  void Restart() {
    Stop();
    StartReady();
  }
  bool WaitReady() {
    return Eventually([&] {
      const auto health = grpc::health::v1::Health::NewStub(channel_);
      grpc::health::v1::HealthCheckRequest request;
      request.set_service("readiness");
      grpc::health::v1::HealthCheckResponse response;
      grpc::ClientContext context;
      return health->Check(&context, request, &response).ok() &&
             response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
    });
  }

  // Calls with a deadline; the response stays empty after an error.
  template <class Stub, class Request, class Response>
  grpc::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), Stub& stub,
                    const Request& request, Response* response, int deadline_ms = 10000) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(deadline_ms));
    return (stub.*method)(&context, request, response);
  }
  grpc::Status Get(const std::string& name, std::int64_t min_facts_revision, v1::HealthScore* out,
                   int deadline_ms = 10000) {
    v1::GetHealthScoreRequest request;
    request.set_name(name);
    request.set_min_facts_revision(min_facts_revision);
    v1::GetHealthScoreResponse response;
    const grpc::Status status =
        Call(&v1::HealthScoreService::Stub::GetHealthScore, *scores_, request, &response, deadline_ms);
    *out = response.health_score();
    return status;
  }
  // The score once everything put so far is scored.
  v1::HealthScore Current(const std::string& account) {
    v1::HealthScore out;
    const grpc::Status status = Get("accounts/" + account, accounts_.revision(), &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  std::vector<v1::HealthScoreChange> History(const std::string& account) {
    v1::ListHealthScoreHistoryRequest request;
    request.set_parent("accounts/" + account);
    v1::ListHealthScoreHistoryResponse response;
    const grpc::Status status =
        Call(&v1::HealthScoreService::Stub::ListHealthScoreHistory, *scores_, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.changes().begin(), response.changes().end()};
  }
  v1::HealthScoreExplanation Explained(const std::string& account) {
    v1::ExplainHealthScoreRequest request;
    request.set_name("accounts/" + account);
    request.set_min_facts_revision(accounts_.revision());
    v1::ExplainHealthScoreResponse response;
    const grpc::Status status = Call(&v1::HealthScoreService::Stub::ExplainHealthScore, *scores_, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.explanation();
  }
  v1::ListFlagsResponse ListFlags(v1::ListFlagsRequest request) {
    if (request.parent().empty()) request.set_parent("accounts/-");
    request.set_min_facts_revision(accounts_.revision());
    v1::ListFlagsResponse response;
    const grpc::Status status = Call(&v1::FlagService::Stub::ListFlags, *flags_, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  std::string scorecards_ = kTestScorecards;
  std::string rules_ = kTestRules;
  std::string redis_;
  MovedClock clock_;
  perennial::testing::TemporaryFolder folder_;
  FakeAccounts accounts_;
  std::unique_ptr<HealthProcess> process_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::HealthScoreService::Stub> scores_;
  std::unique_ptr<v1::FlagService::Stub> flags_;
};

}  // namespace perennial::health
