// Clients that nobody here wrote: buf curl with reflection, and grpc-js.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

const std::string& Tools() {
  static const auto& folder = *new std::string(absl::StrCat(PERENNIAL_SOURCE_DIR, "/tests/integration/node"));
  return folder;
}

class OutsideClients : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(Tools() + "/node_modules/.bin/buf")) {
      GTEST_SKIP() << "scripts/install-node-tools was not run";
    }
    ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  }
  [[nodiscard]] Finished Buf(std::vector<std::string> arguments) const {
    std::vector<std::string> command = {Tools() + "/node_modules/.bin/buf", "curl", "--http2-prior-knowledge", "--protocol",
                                        "grpc"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunToEnd(command);
  }
  [[nodiscard]] std::string Url(const std::string& method = "") const {
    return absl::StrCat("http://", suite_.address(), "/", method);
  }

  Suite suite_{"2024-12-31T12:00:00Z"};
};

// A first request for each service: one that needs nothing to be there.
constexpr const char* kFirstCalls[][2] = {
    {"perennial.accounts.v1.AccountService/ListAccounts", "{}"},
    {"perennial.accounts.v1.SubscriptionService/ListRevenueMovements", R"({"parent":"accounts/-"})"},
    {"perennial.accounts.v1.FactService/ValidateFilter", R"({"filter":"mrr > 0"})"},
    {"perennial.health.v1.HealthScoreService/ListHealthScores", "{}"},
    {"perennial.health.v1.FlagService/ListFlagRules", "{}"},
    {"perennial.segments.v1.SegmentService/ListSegments", "{}"},
    {"perennial.segments.v1.PortfolioService/GetPortfolioReport", "{}"},
    {"grpc.health.v1.Health/Check", R"({"service":"readiness"})"},
};

TEST_F(OutsideClients, BufListsAndDescribesEveryMethodThroughTheGateway) {
  const Finished listed = Buf({"--list-methods", Url()});
  ASSERT_EQ(listed.exit_code, 0) << listed.err;
  for (const char* method :
       {"perennial.accounts.v1.AccountService/CreateAccount", "perennial.accounts.v1.IngestService/StreamRecords",
        "perennial.accounts.v1.FactService/WatchFacts", "perennial.accounts.v1.SubscriptionService/ListRevenueMovements",
        "perennial.health.v1.HealthScoreService/ExplainHealthScore", "perennial.health.v1.FlagService/ListFlags",
        "perennial.segments.v1.SegmentService/WatchMembership",
        "perennial.segments.v1.PortfolioService/GetPortfolioReport", "perennial.gateway.v1.CustomerService/GetCustomer360",
        "grpc.health.v1.Health/Check", "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"}) {
    EXPECT_TRUE(absl::StrContains(listed.out, method)) << method << " is not in\n" << listed.out;
  }
}

TEST_F(OutsideClients, BufCallsEveryServiceThroughTheGateway) {
  for (const auto& [method, request] : kFirstCalls) {
    const Finished called = Buf({"-d", request, Url(method)});
    EXPECT_EQ(called.exit_code, 0) << method << ": " << called.err;
    EXPECT_FALSE(nlohmann::json::parse(called.out, nullptr, false).is_discarded()) << method << ": " << called.out;
  }
  const Finished created = Buf({"-d", R"({"account_id":"acme","account":{"display_name":"Acme"}})",
                                Url("perennial.accounts.v1.AccountService/CreateAccount")});
  ASSERT_EQ(created.exit_code, 0) << created.err;
  const Finished written = Buf(
      {"-d", R"({"records":[{"record_id":"t","account":"accounts/acme","event_time":"2024-12-30T00:00:00Z","ticket":{}}]})",
       Url("perennial.accounts.v1.IngestService/WriteRecords")});
  ASSERT_EQ(written.exit_code, 0) << written.err;
  EXPECT_EQ(nlohmann::json::parse(written.out).at("summary").at("stored"), "1");
  const Finished picture =
      Buf({"-d", R"({"name":"accounts/acme"})", Url("perennial.gateway.v1.CustomerService/GetCustomer360")});
  ASSERT_EQ(picture.exit_code, 0) << picture.err;
  EXPECT_EQ(nlohmann::json::parse(picture.out).at("account").at("displayName"), "Acme");
}

TEST_F(OutsideClients, BufShowsWhichFieldIsWrong) {
  const Finished refused =
      Buf({"-d", R"({"name":"acme"})", Url("perennial.accounts.v1.AccountService/GetAccount")});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(refused.err, "name must look like accounts/{id}")) << refused.err;
}

TEST_F(OutsideClients, GrpcJsCallsStreamsAndWatches) {
  const Finished finished =
      RunToEnd({"node", Tools() + "/grpc_js_client.js", suite_.address(), absl::StrCat(PERENNIAL_SOURCE_DIR, "/proto")});
  ASSERT_EQ(finished.exit_code, 0) << finished.err << suite_.Logs();
  const auto seen = nlohmann::json::parse(finished.out);
  EXPECT_EQ(seen.at("name"), "Überflug 株式会社");
  EXPECT_EQ(seen.at("missing"), 5);  // NOT_FOUND
  EXPECT_EQ(seen.at("acknowledged"),
            nlohmann::json({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}));
  EXPECT_EQ(seen.at("watched"), true);
}

}  // namespace
}  // namespace perennial::testing
