#include <gmock/gmock.h>

#include <random>
#include <thread>
#include <vector>

#include "perennial/gateway/v1/customer_service.grpc.pb.h"
#include "tests/gateway/gateway_fixture.h"

namespace perennial::gateway::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Gt;

using ForwardingLimitsTest = GatewayTest;

TEST_F(ForwardingLimitsTest, RefusesCallsBeyondTheLimitUntilOneEnds) {
  options_.max_calls = 1;
  StartGateway();
  grpc::ClientContext context;
  const auto watch = Watch(context, 1, 1);
  accounts::v1::WatchFactsResponse message;
  ASSERT_TRUE(watch->Read(&message));

  const grpc::Status status = GetAccount("accounts/acme");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(DetailOf<google::rpc::RetryInfo>(status).retry_delay().nanos(), Gt(0));
  grpc::ClientContext picture_context;
  v1::GetCustomer360Request request;
  request.set_name("accounts/acme");
  v1::GetCustomer360Response response;
  EXPECT_EQ(v1::CustomerService::NewStub(channel_)->GetCustomer360(&picture_context, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);

  context.TryCancel();
  watch->Finish();
  EXPECT_TRUE(Eventually([&] { return GetAccount("accounts/acme").ok(); }));
}

TEST_F(ForwardingLimitsTest, RefusesStreamsBeyondTheLimitOfAServiceButNoOtherCalls) {
  options_.max_streams = 1;
  StartGateway();
  grpc::ClientContext first;
  const auto watch = Watch(first, 1, 1);
  accounts::v1::WatchFactsResponse message;
  ASSERT_TRUE(watch->Read(&message));

  grpc::ClientContext second;
  SetTimeout(second);
  EXPECT_EQ(Watch(second, 1, 1)->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(GetAccount("accounts/acme").ok());

  first.TryCancel();
  watch->Finish();
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext third;
    SetTimeout(third);
    return Watch(third, 0, 0)->Finish().ok();
  }));
}

TEST_F(ForwardingLimitsTest, EndsStreamsAndFinishesOtherCallsWhenItStops) {
  grpc::ClientContext context;
  const auto watch = Watch(context, 1, 1);
  accounts::v1::WatchFactsResponse message;
  ASSERT_TRUE(watch->Read(&message));
  grpc::Status unary = grpc::Status::CANCELLED;
  std::thread caller([&] { unary = GetAccount("accounts/waits"); });
  ASSERT_TRUE(Eventually([&] { return accounts_.seen.count() == 1; }));

  std::thread stopper([&] { gateway_->Stop(); });
  EXPECT_FALSE(watch->Read(&message));
  const grpc::Status status = watch->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "DRAINING");
  accounts_.released = true;
  caller.join();
  stopper.join();
  EXPECT_TRUE(unary.ok()) << unary.error_message();
}

TEST_F(ForwardingLimitsTest, TakesAFreePortOnlyOnce) {
  GatewayOptions taken = options_;
  taken.server.port = static_cast<std::uint16_t>(gateway_->port());
  EXPECT_EQ(Gateway::Start(taken).status().code(), absl::StatusCode::kUnavailable);
}

// Callers of every kind leave at every moment; then nothing is left of them: the only place is free again, and the
// gateway's destructor, which waits for all calls, returns.
TEST_F(ForwardingLimitsTest, SurvivesCallersWhoLeaveAtAnyMoment) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 150;
  std::vector<std::thread> callers;
  for (int t = 0; t < kThreads; ++t) {
    callers.emplace_back([this, t] {
      std::mt19937 random(t);
      for (int round = 0; round < kRounds; ++round) {
        grpc::ClientContext context;
        SetTimeout(context, std::chrono::milliseconds(1 + random() % 4));
        if (round % 3 == 0) {
          accounts::v1::GetAccountRequest request;
          request.set_name("accounts/acme");
          accounts::v1::GetAccountResponse response;
          const grpc::Status status =
              accounts::v1::AccountService::NewStub(channel_)->GetAccount(&context, request, &response);
          EXPECT_THAT(status.error_code(), AnyOf(grpc::StatusCode::OK, grpc::StatusCode::DEADLINE_EXCEEDED,
                                                 grpc::StatusCode::CANCELLED))
              << status.error_message();
        } else if (round % 3 == 1) {
          const auto watch = Watch(context, 50, static_cast<int>(random() % 3), 1000);
          accounts::v1::WatchFactsResponse message;
          for (unsigned reads = random() % 50; reads > 0 && watch->Read(&message); --reads) {
          }
          context.TryCancel();
          watch->Finish();
        } else {
          const auto stream = accounts::v1::IngestService::NewStub(channel_)->StreamRecords(&context);
          accounts::v1::StreamRecordsRequest request;
          accounts::v1::StreamRecordsResponse response;
          for (unsigned writes = random() % 20; writes > 0 && stream->Write(request); --writes) {
            if (random() % 2 == 0) stream->Read(&response);
          }
          if (random() % 2 == 0) context.TryCancel();
          stream->WritesDone();
          while (stream->Read(&response)) {
          }
          stream->Finish();
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(GetAccount("accounts/acme").ok());
  gateway_ = nullptr;
}

}  // namespace
}  // namespace perennial::gateway::testing
