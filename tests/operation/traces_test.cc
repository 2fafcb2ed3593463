// Spans of calls through real processes, as a collector gets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/integration/suite.h"
#include "tests/operation/collector.h"

namespace perennial::testing {
namespace {

using ::testing::HasSubstr;
namespace accounts = perennial::accounts::v1;
namespace health = perennial::health::v1;

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kOtherTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kCallersSpan[] = "00f067aa0ba902b7";

std::string Traceparent(const char* trace, const char* flags) { return absl::StrCat("00-", trace, "-", kCallersSpan, "-", flags); }

Suite::Flags ExportTo(const std::string& url) {
  Suite::Flags flags;
  for (const Part part : kServices) flags[part] = {absl::StrCat("--otlp_endpoint=", url)};
  return flags;
}

std::string Page(int port, const std::string& path) {
  return RunToEnd({"curl", "-s", "-S", absl::StrCat("http://127.0.0.1:", port, path)}).out;
}

class Traces : public ::testing::Test {
 protected:
  struct Running {
    Collector collector;
    Suite suite{"", ExportTo(collector.url())};
  };
  static void SetUpTestSuite() {
    running_ = new Running;
    ASSERT_TRUE(running_->suite.WaitReady()) << running_->suite.Logs();
    const Stubs stubs(running_->suite.Channel());
    accounts::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name("Acme");
    request.mutable_account()->mutable_customer_since()->set_seconds(1'700'000'000);
    accounts::CreateAccountResponse response;
    const grpc::Status status = Call(*stubs.accounts, &accounts::AccountService::Stub::CreateAccount, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  static void TearDownTestSuite() {
    delete running_;
    running_ = nullptr;
  }

  // A score of the past, which health-svc asks accounts-svc for.
  static grpc::Status GetPastScore(const std::string& traceparent, const std::string& tracestate = "") {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    context.AddMetadata("traceparent", traceparent);
    if (!tracestate.empty()) context.AddMetadata("tracestate", tracestate);
    health::GetHealthScoreRequest request;
    request.set_name("accounts/acme/healthScore");
    request.mutable_as_of()->set_seconds(absl::ToUnixSeconds(absl::Now()));
    health::GetHealthScoreResponse response;
    return health::HealthScoreService::NewStub(running_->suite.Channel())->GetHealthScore(&context, request, &response);
  }
  // The span of a method in a trace that a service told; null while there is none.
  static nlohmann::json Find(const std::string& trace, const std::string& service, const std::string& method) {
    for (const Collector::Told& told : running_->collector.SpansOf(method)) {
      if (told.Text("traceId") == trace && told.service == service) return told.span;
    }
    return nullptr;
  }
  static nlohmann::json Await(const std::string& trace, const std::string& service, const std::string& method) {
    nlohmann::json span;
    EXPECT_TRUE(ComesTrue([&] { return !(span = Find(trace, service, method)).is_null(); })) << service << running_->suite.Logs();
    return span;
  }

  static Running* running_;
};

Traces::Running* Traces::running_ = nullptr;

TEST_F(Traces, OneCallIsOneTraceThroughAllProcesses) {
  const grpc::Status status = GetPastScore(Traceparent(kTrace, "01"), "vendor=1");
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto gateway = Await(kTrace, "gateway", "HealthScoreService/GetHealthScore");
  const auto health = Await(kTrace, "health-svc", "HealthScoreService/GetHealthScore");
  const auto accounts = Await(kTrace, "accounts-svc", "FactService/GetFacts");
  ASSERT_FALSE(gateway.is_null() || health.is_null() || accounts.is_null());
  EXPECT_EQ(gateway["parentSpanId"], kCallersSpan);
  EXPECT_EQ(health["parentSpanId"], gateway["spanId"]);
  EXPECT_EQ(accounts["parentSpanId"], health["spanId"]);
  EXPECT_EQ(accounts["traceState"], "vendor=1");
}

TEST_F(Traces, WhatTheCallerDoesNotRecordIsNotRecorded) {
  ASSERT_TRUE(GetPastScore(Traceparent(kOtherTrace, "00")).ok());
  const std::string after = "1234567890abcdef1234567890abcdef";
  ASSERT_TRUE(GetPastScore(Traceparent(after.c_str(), "01")).ok());
  for (const char* service : {"gateway", "health-svc"}) Await(after, service, "HealthScoreService/GetHealthScore");
  for (const Collector::Told& told : running_->collector.spans()) EXPECT_NE(told.Text("traceId"), kOtherTrace);
}

TEST_F(Traces, ACallOverHttpIsContinuedToo) {
  const std::string trace = "abcdef1234567890abcdef1234567890";
  const Finished finished = RunToEnd(
      {"curl", "-s", "-S", "-H", "Content-Type: application/json", "-H",
       absl::StrCat("traceparent: ", Traceparent(trace.c_str(), "01")), "-d", "{\"name\":\"accounts/nobody\"}",
       absl::StrCat("http://127.0.0.1:", running_->suite.http_port(), "/perennial.accounts.v1.AccountService/GetAccount")});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto gateway = Await(trace, "gateway", "AccountService/GetAccount");
  const auto accounts = Await(trace, "accounts-svc", "AccountService/GetAccount");
  ASSERT_FALSE(gateway.is_null() || accounts.is_null());
  EXPECT_EQ(gateway["parentSpanId"], kCallersSpan);
  EXPECT_EQ(accounts["parentSpanId"], gateway["spanId"]);
  const nlohmann::json code = {{"key", "rpc.grpc.status_code"}, {"value", {{"intValue", "5"}}}};
  EXPECT_NE(std::find(gateway["attributes"].begin(), gateway["attributes"].end(), code), gateway["attributes"].end());
}

TEST_F(Traces, ProbesAndReflectionAreNone) {
  ASSERT_TRUE(GetPastScore(Traceparent("11111111111111111111111111111111", "01")).ok());
  Await("11111111111111111111111111111111", "gateway", "HealthScoreService/GetHealthScore");
  for (const Collector::Told& told : running_->collector.spans()) EXPECT_FALSE(absl::StartsWith(told.Text("name"), "grpc."));
}

TEST_F(Traces, CallsGoOnWithoutACollectorAndWhatIsLostIsCounted) {
  Suite::Flags flags;
  flags[Part::kGateway] = {absl::StrCat("--otlp_endpoint=http://127.0.0.1:", FreePort())};
  Suite suite("", flags);
  ASSERT_TRUE(suite.WaitReady()) << suite.Logs();
  const auto stub = accounts::AccountService::NewStub(suite.Channel());
  int answered = 0;
  for (int i = 0; i < 4300; ++i) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    accounts::GetAccountRequest request;
    request.set_name("accounts/nobody");
    accounts::GetAccountResponse response;
    if (stub->GetAccount(&context, request, &response).error_code() == grpc::StatusCode::NOT_FOUND) ++answered;
  }
  EXPECT_EQ(answered, 4300);
  const std::string metrics = Page(suite.http_port(), "/metrics");
  EXPECT_THAT(metrics, HasSubstr("perennial_spans_waiting 4096\n"));
  EXPECT_THAT(metrics, HasSubstr("perennial_spans_lost_total{reason=\"full\"} "));
  EXPECT_FALSE(absl::StrContains(metrics, "perennial_spans_lost_total{reason=\"full\"} 0\n"));
}

TEST_F(Traces, AnEndpointThatCannotBeIsNamedBeforeTheStart) {
  for (const char* process : {"gateway", "accounts-svc"}) {
    const Finished finished = RunToEnd({absl::StrCat(PERENNIAL_BINARY_DIR, "/", process), "--check-config",
                                        "--otlp-endpoint=https://collector:4318"});
    EXPECT_EQ(finished.exit_code, 78) << process;
    EXPECT_THAT(finished.err, HasSubstr("--otlp_endpoint cannot be https")) << process;
  }
}

}  // namespace
}  // namespace perennial::testing
