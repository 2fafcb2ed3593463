#include "common/server/health_service.h"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

#include "tests/gateway/gateway_fixture.h"

namespace perennial::gateway::testing {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// A health service behind a socketless server.
class HealthServiceTest : public ::testing::Test {
 protected:
  HealthServiceTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&health_);
    server_ = builder.BuildAndStart();
    stub_ = Health::NewStub(server_->InProcessChannel({}));
  }

  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> Watch(grpc::ClientContext& context,
                                                               const std::string& service) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    HealthCheckRequest request;
    request.set_service(service);
    return stub_->Watch(&context, request);
  }
  grpc::StatusCode Check(const std::string& service) {
    grpc::ClientContext context;
    HealthCheckRequest request;
    request.set_service(service);
    return stub_->Check(&context, request, &response_).error_code();
  }

  HealthService health_{{.max_watchers = 4}};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Health::Stub> stub_;
  HealthCheckResponse response_;
};

TEST_F(HealthServiceTest, KnowsTheProcessAndWhatIsSet) {
  EXPECT_EQ(Check(""), grpc::StatusCode::OK);
  EXPECT_EQ(response_.status(), HealthCheckResponse::SERVING);
  EXPECT_EQ(Check("readiness"), grpc::StatusCode::NOT_FOUND);
  health_.SetServing("readiness", false);
  EXPECT_EQ(Check("readiness"), grpc::StatusCode::OK);
  EXPECT_EQ(response_.status(), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthServiceTest, ListsAllNames) {
  health_.SetServing("readiness", false);
  grpc::ClientContext context;
  grpc::health::v1::HealthListResponse list;
  ASSERT_TRUE(stub_->List(&context, {}, &list).ok());
  EXPECT_EQ(list.statuses_size(), 2);
  EXPECT_EQ(list.statuses().at("").status(), HealthCheckResponse::SERVING);
  EXPECT_EQ(list.statuses().at("readiness").status(), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthServiceTest, TellsAWatcherOfEachChange) {
  grpc::ClientContext context;
  const auto watch = Watch(context, "readiness");
  HealthCheckResponse update;
  ASSERT_TRUE(watch->Read(&update));
  EXPECT_EQ(update.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  health_.SetServing("readiness", true);
  ASSERT_TRUE(watch->Read(&update));
  EXPECT_EQ(update.status(), HealthCheckResponse::SERVING);
  health_.SetServing("readiness", false);
  ASSERT_TRUE(watch->Read(&update));
  EXPECT_EQ(update.status(), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthServiceTest, TellsWatchersOfTheShutDownAndEndsThem) {
  grpc::ClientContext known_context;
  const auto known = Watch(known_context, "");
  grpc::ClientContext unknown_context;
  const auto unknown = Watch(unknown_context, "nobody");
  HealthCheckResponse update;
  ASSERT_TRUE(known->Read(&update));
  ASSERT_TRUE(unknown->Read(&update));
  health_.ShutDown();
  ASSERT_TRUE(known->Read(&update));
  EXPECT_EQ(update.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(known->Read(&update));
  EXPECT_EQ(known->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(unknown->Read(&update));
  EXPECT_EQ(unknown->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HealthServiceTest, StaysShutDown) {
  health_.ShutDown();
  health_.SetServing("", true);
  EXPECT_EQ(Check(""), grpc::StatusCode::OK);
  EXPECT_EQ(response_.status(), HealthCheckResponse::NOT_SERVING);
  grpc::ClientContext context;
  const auto watch = Watch(context, "");
  HealthCheckResponse update;
  ASSERT_TRUE(watch->Read(&update));
  EXPECT_EQ(update.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HealthServiceTest, RefusesTooManyWatchersUntilOneLeaves) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<HealthCheckResponse>>> watches;
  HealthCheckResponse update;
  for (int i = 0; i < 4; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    watches.push_back(Watch(*contexts.back(), ""));
    ASSERT_TRUE(watches.back()->Read(&update));
  }
  grpc::ClientContext refused;
  EXPECT_EQ(Watch(refused, "")->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  contexts.front()->TryCancel();
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    HealthCheckResponse answer;
    return Watch(context, "")->Read(&answer);
  }));
  for (const auto& context : contexts) context->TryCancel();
}

TEST_F(HealthServiceTest, EndsWithTheLastStateHoweverFastItChanges) {
  grpc::ClientContext context;
  const auto watch = Watch(context, "readiness");
  std::thread changer([&] {
    for (int i = 0; i < 2000; ++i) health_.SetServing("readiness", i % 2 == 0);
    health_.SetServing("last", true);
    health_.SetServing("readiness", true);
    health_.ShutDown();
  });
  HealthCheckResponse update;
  HealthCheckResponse last;
  while (watch->Read(&update)) {
    EXPECT_NE(update.status(), last.status());
    last = update;
  }
  changer.join();
  EXPECT_EQ(last.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

class GatewayHealthTest : public GatewayTest {
 protected:
  HealthCheckResponse::ServingStatus StatusOf(const std::string& service) {
    grpc::ClientContext context;
    SetTimeout(context);
    HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    const grpc::Status status = Health::NewStub(channel_)->Check(&context, request, &response);
    return status.ok() ? response.status() : HealthCheckResponse::UNKNOWN;
  }
  bool Becomes(const std::string& service, HealthCheckResponse::ServingStatus status) {
    return Eventually([&] { return StatusOf(service) == status; });
  }
};

TEST_F(GatewayHealthTest, IsReadyWhenItListens) {
  for (const char* name : {"", "liveness", "readiness"}) {
    EXPECT_EQ(StatusOf(name), HealthCheckResponse::SERVING) << name;
  }
  EXPECT_EQ(StatusOf("nobody"), HealthCheckResponse::UNKNOWN);
}

TEST_F(GatewayHealthTest, MirrorsTheReadinessOfEachService) {
  const std::string accounts = "perennial.accounts.v1.AccountService";
  const std::string flags = "perennial.health.v1.FlagService";
  const std::string portfolio = "perennial.segments.v1.PortfolioService";
  EXPECT_TRUE(Becomes(accounts, HealthCheckResponse::SERVING));
  EXPECT_TRUE(Becomes(flags, HealthCheckResponse::SERVING));
  EXPECT_TRUE(Becomes(portfolio, HealthCheckResponse::SERVING));
  EXPECT_TRUE(Becomes("perennial.gateway.v1.CustomerService", HealthCheckResponse::SERVING));
  accounts_process_.server().SetReady(false);
  EXPECT_TRUE(Becomes(accounts, HealthCheckResponse::NOT_SERVING));
  EXPECT_EQ(StatusOf(flags), HealthCheckResponse::SERVING);
  health_process_.Stop();
  EXPECT_TRUE(Becomes(flags, HealthCheckResponse::NOT_SERVING));
  EXPECT_EQ(StatusOf("readiness"), HealthCheckResponse::SERVING);
  accounts_process_.server().SetReady(true);
  EXPECT_TRUE(Becomes(accounts, HealthCheckResponse::SERVING));
}

}  // namespace
}  // namespace perennial::gateway::testing
