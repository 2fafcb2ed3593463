#include <gmock/gmock.h>

#include "tests/gateway/gateway_fixture.h"

namespace perennial::gateway::testing {
namespace {

class RetryTest : public GatewayTest {
 protected:
  grpc::Status Create(const std::string& id, const std::string& request_id) {
    grpc::ClientContext context;
    SetTimeout(context);
    accounts::v1::CreateAccountRequest request;
    request.set_account_id(id);
    request.set_request_id(request_id);
    accounts::v1::CreateAccountResponse response;
    return accounts::v1::AccountService::NewStub(channel_)->CreateAccount(&context, request, &response);
  }
};

TEST_F(RetryTest, AsksAgainWhatOnlyReads) {
  accounts_.failures = 2;
  EXPECT_TRUE(GetAccount("accounts/acme").ok());
  EXPECT_EQ(accounts_.seen.count(), 3);
}

TEST_F(RetryTest, GivesUpAfterThreeAttempts) {
  accounts_.failures = 100;
  const grpc::Status status = GetAccount("accounts/acme");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "SERVICE_UNREACHABLE");
  EXPECT_EQ(accounts_.seen.count(), 3);
}

TEST_F(RetryTest, AsksAgainWhatAServiceThatShutsDownTurnedAway) {
  accounts_.turned_away = 2;
  EXPECT_TRUE(GetAccount("accounts/acme").ok());
  EXPECT_EQ(accounts_.seen.count(), 3);
  accounts_.turned_away = 3;
  const grpc::Status status = GetAccount("accounts/acme");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << "CANCELLED is for callers who cancel";
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "SERVICE_UNREACHABLE");
}

TEST_F(RetryTest, AsksAgainAWriteWithARequestIdOnly) {
  accounts_.failures = 1;
  EXPECT_TRUE(Create("acme", "r1").ok());
  EXPECT_EQ(accounts_.seen.count(), 2);
  accounts_.failures = 1;
  EXPECT_EQ(Create("acme", "").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(accounts_.seen.count(), 3);
}

TEST_F(RetryTest, DoesNotAskAgainWhatTheServiceRefused) {
  EXPECT_EQ(GetAccount("accounts/absent").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(accounts_.seen.count(), 1);
}

TEST_F(RetryTest, NeverMultipliesWhatAServiceInTroubleIsAsked) {
  options_.breaker.most_failures = 1000;  // only the budget holds back
  StartGateway();
  accounts_.failures = 1000;
  constexpr int kCalls = 100;
  for (int i = 0; i < kCalls; ++i) EXPECT_FALSE(GetAccount("accounts/acme").ok());
  EXPECT_LE(accounts_.seen.count(), kCalls + 10) << "at most a tenth more";
}

TEST_F(RetryTest, StopsAskingAServiceThatDoesNotAnswerAndStartsAgain) {
  options_.breaker = {.most_failures = 5, .open_for = std::chrono::milliseconds(200)};
  StartGateway();
  accounts_.failures = 1000;
  EXPECT_TRUE(Eventually([&] {
    const int before = accounts_.seen.count();
    return GetAccount("accounts/acme").error_code() == grpc::StatusCode::UNAVAILABLE && accounts_.seen.count() == before;
  })) << "some call is answered without asking";
  accounts_.failures = 0;
  EXPECT_TRUE(Eventually([&] { return GetAccount("accounts/acme").ok(); }));
}

TEST_F(RetryTest, CancelsTheAttemptWhenTheCallerLeaves) {
  grpc::ClientContext context;
  SetTimeout(context);
  accounts::v1::GetAccountRequest request;
  request.set_name("accounts/hangs");
  const auto stub = accounts::v1::AccountService::NewStub(channel_);
  std::atomic<bool> done = false;
  stub->async()->GetAccount(&context, &request, &account_, [&](const grpc::Status&) { done = true; });
  ASSERT_TRUE(Eventually([&] { return accounts_.seen.count() == 1; }));
  context.TryCancel();
  EXPECT_TRUE(Eventually([&] { return accounts_.cancelled == 1 && done; }));
}

}  // namespace
}  // namespace perennial::gateway::testing
