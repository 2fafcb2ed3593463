#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/gateway/access_fixture.h"
#include "tests/gateway/http_client.h"

namespace perennial::gateway::testing {
namespace {

using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

TEST_F(AccessTest, TellsTheServiceWhoCallsAndNeverWhatTheClientClaims) {
  grpc::ClientContext context;
  Add(context, "Bearer editor");
  context.AddMetadata("x-perennial-caller", "root");
  ASSERT_TRUE(GetAccount(context, "accounts/acme").ok());
  const auto metadata = accounts_.seen.metadata();
  EXPECT_EQ(metadata.count("x-perennial-caller"), 1u);
  EXPECT_THAT(metadata, Contains(Pair("x-perennial-caller", "editor")));
  EXPECT_THAT(metadata, Not(Contains(Key("authorization"))));
}

TEST_F(AccessTest, TakesJsonWebTokens) {
  const std::string token = maker_.Sign({{"iss", "us"}, {"aud", "perennial"}, {"sub", "eve"}, {"role", "viewer"},
                                         {"exp", absl::ToUnixSeconds(absl::Now()) + 600}});
  EXPECT_TRUE(Get("accounts/acme", {"Bearer " + token}).ok());
  EXPECT_THAT(accounts_.seen.metadata(), Contains(Pair("x-perennial-caller", "eve")));
  const std::string expired = maker_.Sign({{"iss", "us"}, {"aud", "perennial"}, {"sub", "eve"}, {"exp", 1}});
  EXPECT_EQ(Get("accounts/acme", {"Bearer " + expired}).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(AccessTest, RefusesBadCredentialsAlikeWhetherThereIsSomethingOrNot) {
  const std::vector<std::vector<std::string>> bad = {{},
                                                     {"Bearer nobody"},
                                                     {"viewer"},
                                                     {"Bearer viewer", "Bearer viewer"},
                                                     {"Bearer " + std::string(9000, 'x')}};
  for (const auto& authorization : bad) {
    for (const char* name : {"accounts/acme", "accounts/absent", "nonsense"}) {
      const grpc::Status status = Get(name, authorization);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << name;
      EXPECT_EQ(status.error_message(), Get("accounts/acme", {}).error_message());
      EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "UNAUTHENTICATED");
    }
  }
  EXPECT_EQ(accounts_.seen.count(), 0) << "no service hears of it";
}

TEST_F(AccessTest, RefusesWhatARoleMayNotDoAndNothingElse) {
  const std::pair<const char*, Role> callers[] = {
      {"viewer", Role::kViewer}, {"editor", Role::kEditor}, {"operator", Role::kOperator}};
  ForEachMethod([&](const google::protobuf::MethodDescriptor& method) {
    if (method.server_streaming()) return;  // some never end
    const MethodPolicy policy = PolicyOf(method.service()->full_name(), method.name());
    const std::string path = absl::StrCat("/", method.service()->full_name(), "/", method.name());
    for (const auto& [token, role] : callers) {
      const grpc::Status status = CallByPath(path, token);
      if (policy.internal) {
        EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << path;
      } else {
        EXPECT_EQ(status.error_code() == grpc::StatusCode::PERMISSION_DENIED, role < policy.role) << path << " " << token;
      }
    }
  });
}

TEST_F(AccessTest, AnswersHealthAndReflectionToEverybody) {
  grpc::ClientContext context;
  SetTimeout(context);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("readiness");
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_TRUE(grpc::health::v1::Health::NewStub(channel_)->Check(&context, request, &response).ok());
}

TEST_F(AccessTest, HoldsForCallsOverHttp) {
  const std::string path = "/perennial.accounts.v1.AccountService/";
  const auto send = [&](const std::string& method, const std::string& token, const std::string& body) {
    std::map<std::string, std::string> headers = {{"Content-Type", "application/json"}};
    if (!token.empty()) headers["Authorization"] = "Bearer " + token;
    return HttpClient(gateway_->http_port()).Send("POST", path + method, body, headers);
  };
  EXPECT_EQ(send("GetAccount", "", R"({"name":"accounts/acme"})").status, 401);
  EXPECT_EQ(send("GetAccount", "nobody", "this is no JSON").status, 401) << "before anything of the request is read";
  EXPECT_EQ(send("GetAccount", "viewer", R"({"name":"accounts/acme"})").status, 200);
  EXPECT_THAT(accounts_.seen.metadata(), Contains(Pair("x-perennial-caller", "viewer")));
  EXPECT_EQ(send("PurgeAccount", "editor", "{}").status, 403);
  HttpClient twice(gateway_->http_port());
  twice.SendRaw("POST " + path + "GetAccount HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                "Authorization: Bearer viewer\r\nAuthorization: Bearer operator\r\n\r\n{}");
  EXPECT_EQ(twice.Read().status, 401);
  EXPECT_EQ(HttpClient(gateway_->http_port()).Send("GET", "/healthz").status, 200);
}

TEST_F(AccessTest, LimitsEachCallerApart) {
  options_.caller_limits = {.rate = 0.001, .burst = 2};
  StartGateway();
  EXPECT_TRUE(Get("accounts/acme", {"Bearer viewer"}).ok());
  EXPECT_TRUE(Get("accounts/acme", {"Bearer viewer"}).ok());
  const grpc::Status refused = Get("accounts/acme", {"Bearer viewer"});
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(refused).reason(), "CALLER_RATE");
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(refused).retry_delay().seconds(), 900);
  EXPECT_TRUE(Get("accounts/acme", {"Bearer editor"}).ok());
}

TEST_F(AccessTest, CountsWhatItRefuses) {
  Get("accounts/acme", {});
  CallByPath("/perennial.accounts.v1.AccountService/PurgeAccount", "viewer");
  const HttpAnswer metrics = HttpClient(gateway_->http_port()).Send("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(metrics.body, ::testing::HasSubstr("perennial_gateway_refused_total{reason=\"unauthenticated\"} 1"));
  EXPECT_THAT(metrics.body, ::testing::HasSubstr("perennial_gateway_refused_total{reason=\"role\"} 1"));
  EXPECT_THAT(metrics.body,
              ::testing::HasSubstr("grpc_server_handled_total{grpc_method=\"GetAccount\",grpc_service=\"perennial.accounts.v1."
                                   "AccountService\",grpc_type=\"unary\",grpc_code=\"Unauthenticated\"} 1"));
}

TEST(MethodPolicyTest, FollowsTheNamesOfMethodsAndItsExceptions) {
  const auto role = [](absl::string_view service, absl::string_view method) { return PolicyOf(service, method).role; };
  EXPECT_EQ(role("perennial.accounts.v1.AccountService", "GetAccount"), Role::kViewer);
  EXPECT_EQ(role("perennial.accounts.v1.AccountService", "BatchGetAccounts"), Role::kViewer);
  EXPECT_EQ(role("perennial.accounts.v1.AccountService", "CreateAccount"), Role::kEditor);
  EXPECT_EQ(role("perennial.accounts.v1.AccountService", "PurgeAccount"), Role::kOperator);
  EXPECT_EQ(role("perennial.health.v1.BackupService", "CreateBackup"), Role::kOperator);
  EXPECT_EQ(role("perennial.health.v1.ScorecardService", "UpdateScorecard"), Role::kOperator);
  EXPECT_EQ(role("perennial.health.v1.NewService", "Getaway"), Role::kEditor) << "a word ends where a capital follows";
  EXPECT_EQ(role("perennial.health.v1.NewService", "Anything"), Role::kEditor);
  EXPECT_TRUE(PolicyOf("perennial.accounts.v1.AuditService", "WriteAuditEntries").internal);
  EXPECT_TRUE(PolicyOf("perennial.health.v1.ReplicaService", "WatchConfiguration").internal);
  EXPECT_TRUE(PolicyOf("perennial.health.v1.ReplicaService", "ListHierarchyParts").internal);
  EXPECT_FALSE(PolicyOf("perennial.accounts.v1.IngestService", "WriteRecords").reads);
  EXPECT_EQ(PolicyOf("perennial.accounts.v1.AccountService", "ListAccounts").priority, Priority::kBulk);
}

}  // namespace
}  // namespace perennial::gateway::testing
