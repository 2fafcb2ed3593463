#include <gmock/gmock.h>

#include <grpcpp/generic/generic_stub.h>

#include "common/server/call_metadata.h"
#include "gateway/forwarded_metadata.h"
#include "tests/gateway/gateway_fixture.h"

namespace perennial::gateway::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Le;
using ::testing::Lt;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using std::chrono::seconds;

using ForwardingTest = GatewayTest;

TEST_F(ForwardingTest, PassesAUnaryCallAndItsAnswer) {
  EXPECT_TRUE(GetAccount("accounts/acme").ok());
  EXPECT_EQ(account_.account().name(), "accounts/acme");
}

TEST_F(ForwardingTest, PassesOnlyTheMetadataThatTracesARequest) {
  grpc::ClientContext context;
  SetTimeout(context);
  context.AddMetadata("x-request-id", "r1");
  context.AddMetadata("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  context.AddMetadata("tracestate", "vendor=1");
  context.AddMetadata("authorization", "secret");
  context.AddMetadata("x-request-id-bin", std::string("\x00\xff", 2));
  ASSERT_TRUE(GetAccount(context, "accounts/acme").ok());
  const auto metadata = accounts_.seen.metadata();
  EXPECT_THAT(metadata, Contains(Pair("x-request-id", "r1")));
  EXPECT_THAT(metadata, Contains(Pair("traceparent", AllOf(StartsWith("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
                                                           Not(HasSubstr("00f067aa0ba902b7"))))))
      << "a span of its own in the same trace";
  EXPECT_THAT(metadata, Contains(Pair("tracestate", "vendor=1")));
  EXPECT_THAT(metadata, Not(Contains(Key("authorization"))));
  EXPECT_THAT(metadata, Not(Contains(Key("x-request-id-bin"))));
}

TEST_F(ForwardingTest, PassesOneOfManyValuesOnlySoThatNobodyFillsASharedConnectionsMetadata) {
  grpc::ClientContext context;
  SetTimeout(context);
  context.AddMetadata("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  for (int i = 0; i < 12; ++i) {
    context.AddMetadata("x-request-id", std::string(500, 'x'));
    context.AddMetadata("tracestate", std::string(500, 'y'));
  }
  const grpc::Status status = GetAccount(context, "accounts/acme");
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(accounts_.seen.metadata().count("x-request-id"), 1u);
  EXPECT_EQ(accounts_.seen.metadata().count("tracestate"), 1u);
}

TEST_F(ForwardingTest, BeginsATraceWhereThereIsNoneThatDoes) {
  const std::string zeros(16, '0');
  for (const std::string& parent :
       {std::string(), std::string("00-abc-def-01"), "00-" + zeros + zeros + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + zeros + "-01",
        std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        std::string("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")}) {
    grpc::ClientContext context;
    SetTimeout(context);
    if (!parent.empty()) context.AddMetadata("traceparent", parent);
    context.AddMetadata("tracestate", "vendor=1");
    ASSERT_TRUE(GetAccount(context, "accounts/acme").ok()) << parent;
    const auto metadata = accounts_.seen.metadata();
    ASSERT_EQ(metadata.count("traceparent"), 1u);
    EXPECT_TRUE(IsTraceparent(metadata.find("traceparent")->second));
    EXPECT_THAT(metadata.find("traceparent")->second, Not(HasSubstr("4bf92f3577b34da6")));
    EXPECT_EQ(metadata.count("tracestate"), 0u) << parent;
  }
}

TEST_F(ForwardingTest, PassesTheCallersDeadline) {
  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  ASSERT_TRUE(GetAccount(context, "accounts/acme").ok());
  // On the wire it is rounded up.
  EXPECT_THAT(accounts_.seen.time_left(), AllOf(Gt(seconds(0)), Le(seconds(11))));
}

TEST_F(ForwardingTest, GivesAUnaryCallWithoutADeadlineThirtySeconds) {
  grpc::ClientContext context;
  ASSERT_TRUE(GetAccount(context, "accounts/acme").ok());
  EXPECT_THAT(accounts_.seen.time_left(), AllOf(Gt(seconds(10)), Le(seconds(31))));
}

TEST_F(ForwardingTest, GivesAWatchWithoutADeadlineNone) {
  grpc::ClientContext context;
  const auto watch = Watch(context, 0, 0);
  ASSERT_TRUE(watch->Finish().ok());
  EXPECT_THAT(facts_.seen.time_left(), Gt(seconds(3600)));
}

TEST_F(ForwardingTest, EndsACallAtItsDeadlineOnBothSides) {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::milliseconds(1000));
  EXPECT_EQ(GetAccount(context, "accounts/hangs").error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return accounts_.cancelled == 1; }));
}

TEST_F(ForwardingTest, PassesAServerStreamInOrderAndItsEnd) {
  grpc::ClientContext context;
  SetTimeout(context);
  const auto watch = Watch(context, 2000, 0, 100);
  accounts::v1::WatchFactsResponse message;
  std::int64_t expected = 0;
  while (watch->Read(&message)) ASSERT_EQ(message.progress_revision(), ++expected);
  EXPECT_EQ(expected, 2000);
  EXPECT_TRUE(watch->Finish().ok());
}

TEST_F(ForwardingTest, PassesTheErrorThatEndsAServerStream) {
  grpc::ClientContext context;
  SetTimeout(context);
  const auto watch = Watch(context, 3, 2);
  accounts::v1::WatchFactsResponse message;
  int messages = 0;
  while (watch->Read(&message)) ++messages;
  EXPECT_EQ(messages, 3);
  const grpc::Status status = watch->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(status.error_message(), "never given out");
}

TEST_F(ForwardingTest, AnswersASilentWatchWithItsInitialMetadata) {
  grpc::ClientContext context;
  SetTimeout(context);
  const auto watch = Watch(context, 0, 1);
  watch->WaitForInitialMetadata();
  EXPECT_EQ(facts_.seen.count(), 1);
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ForwardingTest, PassesABidirectionalStreamMessageByMessage) {
  grpc::ClientContext context;
  SetTimeout(context);
  const auto stream = accounts::v1::IngestService::NewStub(channel_)->StreamRecords(&context);
  for (int i = 1; i <= 200; ++i) {
    accounts::v1::StreamRecordsRequest request;
    request.set_batch_id(i);
    ASSERT_TRUE(stream->Write(request));
    accounts::v1::StreamRecordsResponse response;
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.batch_id(), i);
  }
  EXPECT_TRUE(stream->WritesDone());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(ingest_.completed, 1);
}

TEST_F(ForwardingTest, EndsABidirectionalStreamWhoseCallerIsStillSending) {
  grpc::ClientContext context;
  SetTimeout(context);
  const auto stream = accounts::v1::IngestService::NewStub(channel_)->StreamRecords(&context);
  accounts::v1::StreamRecordsRequest request;
  request.set_batch_id(-1);
  ASSERT_TRUE(stream->Write(request));
  accounts::v1::StreamRecordsResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "disk is full");
}

TEST_F(ForwardingTest, CancelsTheServiceWhenAWatcherLeaves) {
  grpc::ClientContext context;
  const auto watch = Watch(context, 1, 1);
  accounts::v1::WatchFactsResponse message;
  ASSERT_TRUE(watch->Read(&message));
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return facts_.cancelled == 1; }));
}

TEST_F(ForwardingTest, CancelsTheServiceWhenASenderLeaves) {
  grpc::ClientContext context;
  const auto stream = accounts::v1::IngestService::NewStub(channel_)->StreamRecords(&context);
  accounts::v1::StreamRecordsRequest request;
  ASSERT_TRUE(stream->Write(request));
  accounts::v1::StreamRecordsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return ingest_.cancelled == 1; }));
  EXPECT_EQ(ingest_.completed, 0);
}

TEST_F(ForwardingTest, PassesAStatusWithItsDetails) {
  const grpc::Status status = GetAccount("accounts/refused");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "name is refused");
  EXPECT_EQ(DetailOf<google::rpc::BadRequest>(status).field_violations(0).field(), "name");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "INVALID_FIELDS");
}

TEST_F(ForwardingTest, PassesTheUnavailableOfAServiceAsItIs) {
  const grpc::Status status = GetAccount("accounts/draining");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "moving house");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "DRAINING");
}

TEST_F(ForwardingTest, NamesTheServiceThatIsDownAndFindsItAgain) {
  ASSERT_TRUE(GetAccount("accounts/acme").ok());
  accounts_process_.Stop();
  const grpc::Status status = GetAccount("accounts/acme");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("accounts-svc"));
  EXPECT_THAT(status.error_message(), Not(HasSubstr("127.0.0.1")));
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "SERVICE_UNREACHABLE");
  EXPECT_THAT(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), Ge(1));
  accounts_process_.Start();
  EXPECT_TRUE(Eventually([&] { return GetAccount("accounts/acme").ok(); }));
}

TEST_F(ForwardingTest, EndsAWatchWhoseServiceDiesWithUnavailable) {
  grpc::ClientContext context;
  SetTimeout(context);
  const auto watch = Watch(context, 1, 1);
  accounts::v1::WatchFactsResponse message;
  ASSERT_TRUE(watch->Read(&message));
  accounts_process_.Stop();
  EXPECT_FALSE(watch->Read(&message));
  const grpc::Status status = watch->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("accounts-svc"));
}

TEST_F(ForwardingTest, PassesLargeMessagesBothWays) {
  grpc::ClientContext context;
  SetTimeout(context);
  const std::string name(12 << 20, 'n');
  ASSERT_TRUE(GetAccount(context, name).ok());
  EXPECT_EQ(account_.account().name(), name);
  ASSERT_TRUE(GetAccount("accounts/huge").ok());
  EXPECT_EQ(account_.account().display_name().size(), 12u << 20);
}

TEST_F(ForwardingTest, RefusesAMessageAboveTheLimit) {
  EXPECT_EQ(GetAccount(std::string(17 << 20, 'n')).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(accounts_.seen.count(), 0);
}

TEST_F(ForwardingTest, HoldsAServiceBackWhoseCallerDoesNotRead) {
  constexpr int kMessages = 4000;
  constexpr int kPadding = 64 << 10;
  grpc::ClientContext context;
  SetTimeout(context, seconds(60));
  const auto watch = Watch(context, kMessages, 0, kPadding);
  accounts::v1::WatchFactsResponse message;
  ASSERT_TRUE(watch->Read(&message));
  // It has come to rest when many looks in a row see no progress.
  int last = -1;
  int looks = 0;
  ASSERT_TRUE(Eventually([&] {
    looks = last == facts_.written ? looks + 1 : 0;
    last = facts_.written;
    return looks == 200;
  }));
  EXPECT_THAT(last, Lt(kMessages / 2));
  int messages = 1;
  while (watch->Read(&message)) ++messages;
  EXPECT_EQ(messages, kMessages);
  EXPECT_TRUE(watch->Finish().ok());
}

grpc::Status CallByPath(const std::shared_ptr<grpc::Channel>& channel, const std::string& path) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::Status status;
  grpc::ByteBuffer response;
  const auto call = stub.PrepareUnaryCall(&context, path, grpc::ByteBuffer(), &queue);
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return status;
}

TEST_F(ForwardingTest, NamesTheMethodThatIsUnknown) {
  for (const char* path : {"/perennial.accounts.v1.AccountService/Nope",
                           "/perennial.accounts.v9.AccountService/GetAccount", "/perennial.gateway.v1.CustomerService/Nope", "/nope"}) {
    const grpc::Status status = CallByPath(channel_, path);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << path;
    EXPECT_THAT(status.error_message(), HasSubstr(path));
    EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "UNKNOWN_METHOD");
  }
}

TEST_F(ForwardingTest, ShortensTheUnknownMethodThatItNames) {
  const grpc::Status status = CallByPath(channel_, "/" + std::string(4000, 'x') + "/Nope");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message().size(), Lt(400u));
}

TEST(ForwardedMetadataTest, NeverForwardsWhatGrpcWouldNotSend) {
  EXPECT_TRUE(IsForwarded("x-request-id", "a b~"));
  EXPECT_TRUE(IsForwarded("tracestate", std::string(512, 'x')));
  EXPECT_FALSE(IsForwarded("x-request-id", "a\nb"));
  EXPECT_FALSE(IsForwarded("x-request-id", "caf\xc3\xa9"));
  EXPECT_FALSE(IsForwarded("x-request-id", "\x7f"));
  EXPECT_FALSE(IsForwarded("tracestate", std::string(513, 'x')));
  EXPECT_FALSE(IsForwarded("user-agent", "x"));
  EXPECT_FALSE(IsForwarded("grpc-trace-bin", "x"));
}

}  // namespace
}  // namespace perennial::gateway::testing
