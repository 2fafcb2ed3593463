#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>

#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/sha256.h"
#include "gateway/routes.h"
#include "perennial/accounts/v1/audit_service.grpc.pb.h"
#include "perennial/gateway/v1/customer_service.grpc.pb.h"
#include "tests/gateway/gateway_fixture.h"
#include "tests/gateway/http_client.h"
#include "tests/gateway/token_maker.h"
#include "tests/testing/process.h"

namespace perennial::gateway::testing {
namespace {

using ::perennial::testing::TemporaryFolder;
using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

// A gateway that wants to know who calls: tokens "viewer", "editor" and "operator" of callers with these names.
class AccessTest : public GatewayTest {
 protected:
  AccessTest() {
    std::ofstream file(options_.identity.tokens = folder_.path() + "/tokens");
    for (const char* role : {"viewer", "editor", "operator"}) {
      file << role << " " << role << " " << Sha256().Add(role).HexDigest() << "\n";
    }
    file.close();
    options_.identity.key_set = folder_.path() + "/jwks";
    std::ofstream(options_.identity.key_set) << maker_.KeySet();
    options_.identity.web_tokens = {.issuer = "us", .audience = "perennial"};
    options_.http.emplace();
    options_.http->port = 0;
    StartGateway();
  }

  static void Add(grpc::ClientContext& context, const std::string& authorization) {
    SetTimeout(context);
    context.AddMetadata("authorization", authorization);
  }
  grpc::Status Get(const std::string& name, const std::vector<std::string>& authorization) {
    grpc::ClientContext context;
    for (const std::string& value : authorization) Add(context, value);
    SetTimeout(context);
    return GetAccount(context, name);
  }
  // Calls a method with an empty request.
  grpc::Status CallByPath(const std::string& path, const std::string& token) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    if (!token.empty()) Add(context, "Bearer " + token);
    grpc::CompletionQueue queue;
    grpc::Status status;
    grpc::ByteBuffer response;
    context.set_wait_for_ready(true);
    const grpc::Slice nothing;
    const auto call = stub.PrepareUnaryCall(&context, path, grpc::ByteBuffer(&nothing, 1), &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }
  template <class Check>
  static void ForEachMethod(const Check& check) {
    for (const char* name : {"accounts/v1/account", "accounts/v1/audit", "accounts/v1/backup", "accounts/v1/exchange_rate",
                             "accounts/v1/fact", "accounts/v1/goal", "accounts/v1/ingest", "accounts/v1/lifecycle",
                             "accounts/v1/record", "accounts/v1/subscription", "accounts/v1/task", "accounts/v1/timeline",
                             "gateway/v1/customer", "health/v1/backup", "health/v1/flag", "health/v1/health_score",
                             "health/v1/scorecard", "health/v1/value", "segments/v1/backup", "segments/v1/engagement",
                             "segments/v1/portfolio", "segments/v1/segment"}) {
      const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
          absl::StrCat("perennial/", name, "_service.proto"));
      ASSERT_NE(file, nullptr) << name;
      for (int i = 0; i < file->service_count(); ++i) {
        for (int j = 0; j < file->service(i)->method_count(); ++j) check(*file->service(i)->method(j));
      }
    }
  }

  const TemporaryFolder folder_;
  const TokenMaker maker_{TokenMaker::Kind::kEc, "k1"};
};

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

TEST_F(AccessTest, RefusesEveryMethodWithoutCredentials) {
  int methods = 0;
  ForEachMethod([&](const google::protobuf::MethodDescriptor& method) {
    const std::string path = absl::StrCat("/", method.service()->full_name(), "/", method.name());
    EXPECT_EQ(CallByPath(path, "").error_code(), grpc::StatusCode::UNAUTHENTICATED) << path;
    EXPECT_EQ(CallByPath(path, "nobody").error_code(), grpc::StatusCode::UNAUTHENTICATED) << path;
    ++methods;
  });
  EXPECT_GT(methods, 100);
  EXPECT_EQ(CallByPath("/no.such.Service/Method", "").error_code(), grpc::StatusCode::UNAUTHENTICATED);
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
