#include <gmock/gmock.h>

#include "gateway/http/connect_protocol.h"
#include "tests/gateway/gateway_fixture.h"
#include "tests/gateway/http_client.h"

namespace perennial::gateway::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kGetAccount[] = "/perennial.accounts.v1.AccountService/GetAccount";
constexpr char kWatchFacts[] = "/perennial.accounts.v1.FactService/WatchFacts";
const std::map<std::string, std::string> kStream = {{"Content-Type", "application/connect+json"}};

class HttpTest : public GatewayTest {
 protected:
  HttpTest() {
    options_.http.emplace();
    options_.http->port = 0;
    options_.http->grace = std::chrono::seconds(5);
    StartGateway();
  }
  HttpAnswer Post(const std::string& path, const std::string& body,
                  const std::map<std::string, std::string>& headers = {{"Content-Type", "application/json"}}) {
    return HttpClient(gateway_->http_port()).Send("POST", path, body, headers);
  }
};

TEST_F(HttpTest, AnswersJsonWithJson) {
  const HttpAnswer answer = Post(kGetAccount, R"({"name": "accounts/acme"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("Content-Type"), "application/json");
  EXPECT_EQ(answer.Json(), nlohmann::json({{"account", {{"name", "accounts/acme"}}}}));
}

TEST_F(HttpTest, AnswersProtobufWithProtobuf) {
  accounts::v1::GetAccountRequest request;
  request.set_name("accounts/acme");
  const HttpAnswer answer = Post(kGetAccount, request.SerializeAsString(), {{"Content-Type", "application/proto"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("Content-Type"), "application/proto");
  accounts::v1::GetAccountResponse response;
  ASSERT_TRUE(response.ParseFromString(answer.body));
  EXPECT_EQ(response.account().name(), "accounts/acme");
}

TEST_F(HttpTest, ServesManyRequestsOnOneConnection) {
  HttpClient client(gateway_->http_port());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.Send("POST", kGetAccount, R"({"name": "accounts/acme"})").status, 200);
  }
}

TEST_F(HttpTest, TakesRequestsThatComeBeforeTheAnswerToTheLastOne) {
  HttpClient client(gateway_->http_port());
  client.Begin("POST", kGetAccount, R"({"name": "accounts/one"})", {{"Content-Type", "application/json"}});
  client.Begin("POST", kGetAccount, R"({"name": "accounts/two"})", {{"Content-Type", "application/json"}});
  EXPECT_THAT(client.Read().body, HasSubstr("accounts/one"));
  EXPECT_THAT(client.Read().body, HasSubstr("accounts/two"));
}

TEST_F(HttpTest, SaysWhatIsWrongWithCodeDetailsAndStatus) {
  const HttpAnswer absent = Post(kGetAccount, R"({"name": "accounts/absent"})");
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.Json()["code"], "not_found");
  EXPECT_EQ(absent.Json()["details"][0]["type"], "google.rpc.ErrorInfo");
  EXPECT_EQ(absent.Json()["details"][0]["debug"]["reason"], "ACCOUNT_NOT_FOUND");
  const HttpAnswer refused = Post(kGetAccount, R"({"name": "accounts/refused"})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.Json()["code"], "invalid_argument");
  EXPECT_THAT(refused.body, HasSubstr("fieldViolations"));
}

TEST_F(HttpTest, StreamsMessagesInEnvelopesAndEndsThem) {
  const HttpAnswer answer = Post(kWatchFacts, http::Envelope(0, R"({"shardCount": 3})"), kStream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("Content-Type"), "application/connect+json");
  const auto pieces = PiecesOf(answer.body);
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_EQ(nlohmann::json::parse(pieces[2].message)["progressRevision"], "3");
  EXPECT_EQ(pieces[3].flags, http::kEndFlag);
  EXPECT_EQ(pieces[3].message, "{}");
}

TEST_F(HttpTest, EndsAStreamThatFailsWithItsError) {
  const HttpAnswer answer = Post(kWatchFacts, http::Envelope(0, R"({"shardCount": 1, "shardIndex": 2})"), kStream);
  const auto pieces = PiecesOf(answer.body);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(pieces[1].message)["error"]["code"], "out_of_range");
}

TEST_F(HttpTest, CancelsTheCallOfAClientThatLeaves) {
  HttpClient unary(gateway_->http_port());
  unary.Begin("POST", kGetAccount, R"({"name": "accounts/hangs"})", {{"Content-Type", "application/json"}});
  ASSERT_TRUE(Eventually([&] { return accounts_.seen.count() > 0; }));
  unary.Close();
  EXPECT_TRUE(Eventually([&] { return accounts_.cancelled > 0; }));
  HttpClient stream(gateway_->http_port());
  stream.Begin("POST", kWatchFacts, http::Envelope(0, R"({"shardCount": 1, "shardIndex": 1})"), kStream);
  ASSERT_TRUE(Eventually([&] { return facts_.written > 0; }));
  stream.Close();
  EXPECT_TRUE(Eventually([&] { return facts_.cancelled > 0; }));
}

TEST_F(HttpTest, AStreamThatNobodyReadsHoldsItsSenderBack) {
  HttpClient stream(gateway_->http_port());
  constexpr int kMessages = 100000;
  stream.Begin("POST", kWatchFacts, http::Envelope(0, R"({"shardCount": 100000, "startRevision": 10000})"), kStream);
  ASSERT_TRUE(Eventually([&] { return facts_.written > 0; }));
  int before = -1;
  ASSERT_TRUE(Eventually([&] {  // until it stands still
    const int now = facts_.written;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return std::exchange(before, now) == now;
  }));
  EXPECT_LT(facts_.written, kMessages / 2);
}

TEST_F(HttpTest, PassesDeadlineAndIdentityOn) {
  Post(kGetAccount, R"({"name": "accounts/acme"})",
       {{"Content-Type", "application/json"},
        {"Connect-Timeout-Ms", "5000"},
        {"Traceparent", "00-aa-bb-01"},
        {"X-Evil", "1"},
        {"X-Evil-Bin", "AAAA"}});
  EXPECT_LT(accounts_.seen.time_left(), std::chrono::seconds(6));
  EXPECT_GT(accounts_.seen.time_left(), std::chrono::seconds(2));
  const auto metadata = accounts_.seen.metadata();
  EXPECT_EQ(metadata.count("traceparent"), 1u);
  EXPECT_EQ(metadata.count("x-evil") + metadata.count("x-evil-bin"), 0u);
}

TEST_F(HttpTest, ADeadlineThatPassesIsSaidSo) {
  const HttpAnswer answer = Post(kGetAccount, R"({"name": "accounts/hangs"})",
                                 {{"Content-Type", "application/json"}, {"Connect-Timeout-Ms", "50"}});
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(answer.Json()["code"], "deadline_exceeded");
}

struct BadCall {
  const char* method;
  const char* path;
  std::string body;
  std::map<std::string, std::string> headers;
  int status;
};

TEST_F(HttpTest, RefusesWhatItCannotServe) {
  const std::map<std::string, std::string> json = {{"Content-Type", "application/json"}};
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  const std::vector<BadCall> calls = {
      {"POST", "/no.such.Service/Method", "{}", json, 404},
      {"POST", "/perennial.accounts.v1.AccountService/GetAccount/x", "{}", json, 404},
      {"POST", "/perennial.accounts.v1.AccountService%2FGetAccount", "{}", json, 404},
      {"GET", kGetAccount, "", {}, 405},
      {"DELETE", kGetAccount, "", {}, 405},
      {"POST", kGetAccount, "{}", {{"Content-Type", "text/plain"}}, 415},
      {"POST", kGetAccount, "{}", {}, 415},
      {"POST", kGetAccount, "{}", {{"Content-Type", "application/json; charset=latin1"}}, 415},
      {"POST", kGetAccount, "{}", {{"Content-Type", "application/connect+json"}}, 415},
      {"POST", kWatchFacts, "{}", json, 415},
      {"POST", "/perennial.accounts.v1.IngestService/StreamRecords", "", kStream, 505},
      {"POST", kGetAccount, "", json, 400},
      {"POST", kGetAccount, "{", json, 400},
      {"POST", kGetAccount, "{\"name\": \"a\",}", json, 400},
      {"POST", kGetAccount, "{'name': 'a'}", json, 400},
      {"POST", kGetAccount, "{name: \"a\"}", json, 400},
      {"POST", kGetAccount, "{\"name\": \"a\", \"name\": \"b\"}", json, 400},
      {"POST", kGetAccount, "{\"nmae\": \"a\"}", json, 400},
      {"POST", kGetAccount, "{\"name\": 5}", json, 400},
      {"POST", kGetAccount, "{\"name\": \"\xc0\xaf\"}", json, 400},
      {"POST", kGetAccount, "[]", json, 400},
      {"POST", kGetAccount, "NaN", json, 400},
      {"POST", kGetAccount, deep, json, 400},
      {"POST", kGetAccount, "{}", {{"Content-Type", "application/json"}, {"Connect-Timeout-Ms", "-1"}}, 400},
      {"POST", kGetAccount, "{}", {{"Content-Type", "application/json"}, {"Connect-Timeout-Ms", "12345678901"}}, 400},
      {"POST", kGetAccount, "x", {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}, 501},
      {"POST", kGetAccount, std::string(2 << 20, ' '), json, 413},
  };
  for (const BadCall& call : calls) {
    const HttpAnswer answer = HttpClient(gateway_->http_port()).Send(call.method, call.path, call.body, call.headers);
    EXPECT_EQ(answer.status, call.status)
        << call.method << " " << call.path << " " << call.body.substr(0, 60) << answer.body;
  }
  EXPECT_EQ(accounts_.seen.count(), 0);
}

TEST_F(HttpTest, SaysWhereJsonIsWrong) {
  EXPECT_THAT(Post(kGetAccount, R"({"name": "a", "name": "b"})").body, HasSubstr("has the name \\\"name\\\" twice"));
  EXPECT_THAT(Post(kGetAccount, R"({"name": )").body, HasSubstr("is no JSON at byte"));
  EXPECT_THAT(Post(kGetAccount, R"({"nmae": "a"})").body, HasSubstr("nmae"));
}

TEST_F(HttpTest, RefusesStreamsWithoutOneEnvelope) {
  for (const std::string& body : {std::string(), std::string("{}"), http::Envelope(0, "{}") + "x",
                                  http::Envelope(1, "{}"), http::Envelope(0, "{}") + http::Envelope(0, "{}")}) {
    const auto pieces = PiecesOf(Post(kWatchFacts, body, kStream).body);
    ASSERT_EQ(pieces.size(), 1u);
    EXPECT_THAT(pieces[0].message, HasSubstr("\"error\""));
  }
}

TEST_F(HttpTest, ClosesWhatIsNoHttpAndGoesOn) {
  const std::vector<std::string> openings = {
      "\x16\x03\x01\x02\x00\x01\x00", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET / HTTP/1.1\r\n" + std::string(20000, 'a') + ": b\r\n\r\n",
      "POST " + std::string(kGetAccount) + " HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "POST " + std::string(kGetAccount) + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
  for (const std::string& opening : openings) {
    HttpClient client(gateway_->http_port());
    client.SendRaw(opening);
    const int status = client.Read().status;
    EXPECT_TRUE(status == 0 || (status >= 400 && status < 500)) << status << opening.substr(0, 20);
  }
  EXPECT_EQ(Post(kGetAccount, R"({"name": "accounts/acme"})").status, 200);
}

TEST_F(HttpTest, TellsProbesHowItIs) {
  HttpClient client(gateway_->http_port());
  EXPECT_EQ(client.Send("GET", "/healthz").status, 200);
  EXPECT_EQ(client.Send("GET", "/readyz").status, 200);
  EXPECT_EQ(client.Send("HEAD", "/nothing").status, 404);
  EXPECT_EQ(client.Send("POST", "/healthz").status, 405);
}

TEST_F(HttpTest, LetsPagesOfAllowedOriginsCall) {
  options_.cors_origins = {"https://app.example"};
  StartGateway();
  HttpClient client(gateway_->http_port());
  const auto allowed = client.Send("OPTIONS", kGetAccount, "", {{"Origin", "https://app.example"}});
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.headers.at("Access-Control-Allow-Origin"), "https://app.example");
  const auto other = client.Send("OPTIONS", kGetAccount, "", {{"Origin", "https://evil.example"}});
  EXPECT_EQ(other.headers.count("Access-Control-Allow-Origin"), 0u);
}

TEST_F(HttpTest, EndsStreamsWhenItStopsAndSaysWhy) {
  HttpClient stream(gateway_->http_port());
  stream.Begin("POST", kWatchFacts, http::Envelope(0, R"({"shardCount": 1, "shardIndex": 1})"), kStream);
  ASSERT_TRUE(Eventually([&] { return facts_.written > 0; }));
  std::thread stop([&] { gateway_->Stop(); });
  const auto pieces = PiecesOf(stream.Read().body);
  stop.join();
  ASSERT_FALSE(pieces.empty());
  EXPECT_THAT(pieces.back().message, HasSubstr("unavailable"));
}

TEST_F(HttpTest, RefusesConnectionsBeyondItsLimitAndTakesThemLater) {
  options_.http->most_connections = 3;
  StartGateway();
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<HttpClient>(gateway_->http_port()));
    ASSERT_EQ(clients.back()->Send("GET", "/healthz").status, 200);
  }
  EXPECT_EQ(HttpClient(gateway_->http_port()).Send("GET", "/healthz").status, 0);
  clients.clear();
  EXPECT_TRUE(Eventually([&] { return HttpClient(gateway_->http_port()).Send("GET", "/healthz").status == 200; }));
}

TEST(ConnectProtocolTest, KnowsItsContentTypes) {
  EXPECT_EQ(http::ParseContentType("application/json"), (http::ContentType{http::Codec::kJson, false}));
  EXPECT_EQ(http::ParseContentType("Application/JSON; charset=UTF-8"), (http::ContentType{http::Codec::kJson, false}));
  EXPECT_EQ(http::ParseContentType("application/connect+proto"), (http::ContentType{http::Codec::kProto, true}));
  EXPECT_EQ(http::ParseContentType("application/grpc"), std::nullopt);
  EXPECT_EQ(http::ParseContentType(""), std::nullopt);
}

// The table of connectrpc.com/docs/protocol, "Error Codes".
TEST(ConnectProtocolTest, MapsCodesToHttpAsTheProtocolSays) {
  EXPECT_EQ(http::HttpStatusOf(grpc::StatusCode::CANCELLED), 499);
  EXPECT_EQ(http::HttpStatusOf(grpc::StatusCode::ABORTED), 409);
  EXPECT_EQ(http::HttpStatusOf(grpc::StatusCode::FAILED_PRECONDITION), 400);
  EXPECT_EQ(http::HttpStatusOf(grpc::StatusCode::UNIMPLEMENTED), 501);
  EXPECT_EQ(http::HttpStatusOf(grpc::StatusCode::DEADLINE_EXCEEDED), 504);
  EXPECT_EQ(http::CodeName(grpc::StatusCode::CANCELLED), "canceled");
}

}  // namespace
}  // namespace perennial::gateway::testing
