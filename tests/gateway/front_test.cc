#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/gateway/gateway_fixture.h"
#include "tests/gateway/raw_http2.h"

namespace perennial::gateway::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using std::chrono::seconds;

constexpr char kGetAccount[] = "/perennial.accounts.v1.AccountService/GetAccount";
constexpr seconds kLong{60};

// What clients that are none, or hostile, do to the gateway, and to those beside them.
using FrontTest = GatewayTest;

TEST_F(FrontTest, ClosesAConnectionThatNeverSpeaks) {
  options_.setup_timeout = std::chrono::milliseconds(200);
  StartGateway();
  RawHttp2 silent(gateway_->port());
  RawHttp2 half(gateway_->port());
  ASSERT_TRUE(silent.connected() && half.connected());
  ASSERT_TRUE(half.Send("PRI * HTTP/2.0\r\n"));
  std::string out;
  EXPECT_TRUE(silent.ReadToEnd(out, kLong));
  EXPECT_TRUE(half.ReadToEnd(out, kLong));
  EXPECT_TRUE(GetAccount("accounts/acme").ok());
}

TEST_F(FrontTest, ClosesAConnectionThatSpeaksSomethingElse) {
  RawHttp2 client(gateway_->port());
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  std::string out;
  EXPECT_TRUE(client.ReadToEnd(out, kLong));
  EXPECT_TRUE(GetAccount("accounts/acme").ok());
}

TEST_F(FrontTest, EndsAConnectionThatOpensAndResetsCallsWithoutEnd) {
  RawHttp2 client(gateway_->port());
  ASSERT_TRUE(client.Send(RawHttp2::Preface()));
  const auto fields = RawHttp2::Call(kGetAccount);
  bool open = true;
  for (std::uint32_t stream = 1; open && stream < 200000; stream += 200) {
    std::string bytes;
    for (std::uint32_t one = stream; one < stream + 200; one += 2) {
      bytes += RawHttp2::Headers(one, fields, false) + RawHttp2::Reset(one);
    }
    open = client.Send(bytes);
  }
  std::string out;
  EXPECT_TRUE(client.ReadToEnd(out, kLong));
  EXPECT_TRUE(GetAccount("accounts/acme").ok()) << "others go on";
  EXPECT_EQ(accounts_.seen.count(), 1) << "none of them reached the service";
}

TEST_F(FrontTest, RefusesMetadataAboveTheLimitAndKeepsTheConnection) {
  grpc::ClientContext context;
  SetTimeout(context);
  for (int i = 0; i < 20; ++i) context.AddMetadata("x-more-" + std::to_string(i), std::string(1000, 'x'));
  const grpc::Status status = GetAccount(context, "accounts/acme");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(GetAccount("accounts/acme").ok());
}

TEST_F(FrontTest, AnswersWhoDoesNotSpeakGrpcInHttp) {
  RawHttp2 client(gateway_->port());
  auto get = RawHttp2::Call(kGetAccount);
  get[0].second = "GET";
  auto json = RawHttp2::Call(kGetAccount);
  json[4].second = "application/json";
  const std::string last = RawHttp2::Frame(RawHttp2::kGoAway, 0, 0, std::string(8, '\0'));
  ASSERT_TRUE(client.Send(RawHttp2::Preface() + RawHttp2::Headers(1, get, true) + RawHttp2::Headers(3, json, true) + last));
  std::string out;
  ASSERT_TRUE(client.ReadToEnd(out, kLong));
  EXPECT_THAT(out, HasSubstr("405"));
  EXPECT_THAT(out, HasSubstr("415"));
  EXPECT_EQ(accounts_.seen.count(), 0);
}

TEST_F(FrontTest, RefusesARequestThatIsNotWholeOrMoreThanOne) {
  const std::string empty_message(5, '\0');
  const std::string longer = std::string("\0\0\0\0\x09", 5) + "abc";
  for (const std::string& body : {std::string(), std::string("\0\0", 2), longer, empty_message + empty_message}) {
    RawHttp2 client(gateway_->port());
    std::string bytes = RawHttp2::Preface() + RawHttp2::Headers(1, RawHttp2::Call(kGetAccount), body.empty());
    if (!body.empty()) bytes += RawHttp2::Frame(RawHttp2::kData, RawHttp2::kEndStream, 1, body);
    ASSERT_TRUE(client.Send(bytes + RawHttp2::Frame(RawHttp2::kGoAway, 0, 0, std::string(8, '\0'))));
    std::string out;
    ASSERT_TRUE(client.ReadToEnd(out, kLong));
    EXPECT_THAT(RawHttp2::TypesOf(out), Contains(RawHttp2::kHeaders));
    EXPECT_THAT(RawHttp2::TypesOf(out), Not(Contains(RawHttp2::kData)));
  }
  EXPECT_EQ(accounts_.seen.count(), 0);
}

TEST_F(FrontTest, RefusesMessagesThatItsMemoryDoesNotHold) {
  options_.max_message_memory = 1 << 20;
  StartGateway();
  EXPECT_EQ(GetAccount(std::string(2 << 20, 'n')).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(GetAccount("accounts/huge").error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(GetAccount("accounts/acme").ok());
  EXPECT_TRUE(Eventually([&] {
    return gateway_->metrics().Text().find("perennial_gateway_message_bytes 0\n") != std::string::npos;
  })) << "all of it is given back";
}

TEST_F(FrontTest, RefusesAServiceAddressThatIsNone) {
  options_.accounts = "accounts";
  EXPECT_EQ(Gateway::Start(options_).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::gateway::testing
