// Credentials that are wrong, expired, forged, too large or absent, on every method, over gRPC and HTTP.
#include <gmock/gmock.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/gateway/access_fixture.h"
#include "tests/gateway/http_client.h"

namespace perennial::gateway::testing {
namespace {

using google::protobuf::MethodDescriptor;

struct BadCredentials {
  const char* what;
  std::vector<std::string> headers;
};

class CredentialsTest : public AccessTest {
 protected:
  // A token with the claims of a good one, signed by nobody.
  std::string Unsigned() const {
    const std::vector<std::string> parts = absl::StrSplit(WebToken(maker_), '.');
    return absl::StrCat(Base64Url(R"({"alg":"none","kid":"k1"})"), ".", parts[1], ".");
  }
  // The claims of one token with the signature of another.
  std::string Mixed() const {
    const std::vector<std::string> viewer = absl::StrSplit(WebToken(maker_, {{"role", "viewer"}}), '.');
    const std::vector<std::string> oper = absl::StrSplit(WebToken(maker_), '.');
    return absl::StrCat(oper[0], ".", oper[1], ".", viewer[2]);
  }
  std::vector<BadCredentials> AllBad() const {
    const auto bearer = [](const std::string& token) { return std::vector<std::string>{"Bearer " + token}; };
    return {{"none", {}},
            {"unknown", bearer("nobody")},
            {"empty", {"Bearer "}},
            {"no scheme", {"operator"}},
            {"another scheme", {"Basic b3BlcmF0b3I6"}},
            {"twice", {"Bearer operator", "Bearer operator"}},
            {"one good, one bad", {"Bearer operator", "Bearer nobody"}},
            {"expired", bearer(WebToken(maker_, {{"exp", 1}}))},
            {"not in force yet", bearer(WebToken(maker_, {{"nbf", absl::ToUnixSeconds(absl::Now()) + 3600}}))},
            {"another issuer", bearer(WebToken(maker_, {{"iss", "them"}}))},
            {"another audience", bearer(WebToken(maker_, {{"aud", "others"}}))},
            {"forged with a key of the same name", bearer(WebToken(forger_))},
            {"claims of another", bearer(Mixed())},
            {"not signed", bearer(Unsigned())},
            {"an algorithm that is not the key's", bearer(WebToken(maker_, nlohmann::json::object(), {{"alg", "HS256"}}))},
            {"too large", bearer(std::string(9000, 'x'))}};
  }
  // The same over HTTP: the status, and for a stream the error at its end.
  HttpAnswer Post(const MethodDescriptor& method, const std::vector<std::string>& authorization) {
    const bool streams = method.server_streaming();
    const std::string body = streams ? std::string("\0\0\0\0\2{}", 7) : "{}";
    std::string head = absl::StrCat("POST ", PathOf(method), " HTTP/1.1\r\nHost: x\r\nContent-Type: application/",
                                    streams ? "connect+json" : "json", "\r\nContent-Length: ", body.size(), "\r\n");
    for (const std::string& value : authorization) absl::StrAppend(&head, "Authorization: ", value, "\r\n");
    http_->SendRaw(absl::StrCat(head, "\r\n", body));
    return http_->Read();
  }
  void Connect() { http_ = std::make_unique<HttpClient>(gateway_->http_port()); }

  const TokenMaker forger_{TokenMaker::Kind::kEc, "k1"};
  std::unique_ptr<HttpClient> http_;
};

TEST_F(CredentialsTest, AreRefusedOnEveryMethodWithOneAnswerWhateverIsWrong) {
  const std::vector<BadCredentials> all = AllBad();
  const grpc::Status plain = CallWith("/perennial.accounts.v1.AccountService/GetAccount", {});
  Connect();
  int methods = 0;
  std::map<int, std::string> bodies;  // by status: those of streams say the same in another form
  ForEachMethod([&](const MethodDescriptor& method) {
    ++methods;
    const bool internal = PolicyOf(method.service()->full_name(), method.name()).internal;
    for (const BadCredentials& bad : all) {
      SCOPED_TRACE(absl::StrCat(PathOf(method), ", ", bad.what));
      const grpc::Status status = CallWith(PathOf(method), bad.headers);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
      EXPECT_EQ(status.error_message(), plain.error_message());
      EXPECT_EQ(status.error_details(), plain.error_details());
      if (internal) continue;
      const HttpAnswer answer = Post(method, bad.headers);
      EXPECT_EQ(answer.status, method.server_streaming() ? 200 : 401) << answer.body;
      EXPECT_TRUE(absl::StrContains(answer.body, "unauthenticated")) << answer.body;
      std::string& body = bodies[answer.status];
      if (body.empty()) body = answer.body;
      EXPECT_EQ(answer.body, body);
    }
  });
  EXPECT_GT(methods, 100);
  EXPECT_EQ(accounts_.seen.count() + facts_.seen.count(), 0) << "no service hears of it";
  EXPECT_EQ(CallWith("/no.such.Service/Method", {}).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  std::printf("#B12 %s %d methods x %zu kinds of bad credentials, gRPC and HTTP: UNAUTHENTICATED, one answer for all\n",
              HasFailure() ? "FAIL" : "PASS", methods, all.size());
}

TEST_F(CredentialsTest, AboveTheLimitOfMetadataNeverReachAnything) {
  const std::vector<std::string> huge = {"Bearer " + std::string(100000, 'x')};
  // gRPC ends the whole connection, so it is one of its own.
  const auto kept = std::exchange(channel_, MakeChannel(absl::StrCat("127.0.0.1:", gateway_->port())));
  const grpc::Status status = CallWith("/perennial.accounts.v1.AccountService/GetAccount", huge);
  EXPECT_TRUE(status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED || status.error_code() == grpc::StatusCode::UNAVAILABLE)
      << status.error_code() << status.error_message();
  channel_ = kept;
  HttpClient http(gateway_->http_port());
  http.SendRaw(absl::StrCat("GET /healthz HTTP/1.1\r\nAuthorization: ", huge[0], "\r\n\r\n"));
  const int answered = http.Read().status;
  EXPECT_TRUE(answered == 431 || answered == 0) << answered;
  EXPECT_EQ(accounts_.seen.count(), 0);
  EXPECT_TRUE(Get("accounts/acme", {"Bearer viewer"}).ok()) << "others are served on";
}

TEST_F(CredentialsTest, OfTooLowARoleGetOneAnswerWhetherThereIsSomethingOrNot) {
  const auto purge = [&](const std::string& name) {
    grpc::ClientContext context;
    Add(context, "Bearer viewer");
    accounts::v1::PurgeAccountRequest request;
    request.set_name(name);
    accounts::v1::PurgeAccountResponse response;
    return accounts::v1::AccountService::NewStub(channel_)->PurgeAccount(&context, request, &response);
  };
  const grpc::Status there = purge("accounts/acme");
  EXPECT_EQ(there.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  for (const char* name : {"accounts/absent", "nonsense", ""}) {
    const grpc::Status status = purge(name);
    EXPECT_EQ(status.error_code(), there.error_code());
    EXPECT_EQ(status.error_message(), there.error_message());
    EXPECT_EQ(status.error_details(), there.error_details());
  }
  EXPECT_EQ(accounts_.seen.count(), 0) << "it is refused before anything is looked at";
}

}  // namespace
}  // namespace perennial::gateway::testing
