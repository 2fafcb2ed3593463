// More calls than the gateway has room for.
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/faults/matrix.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr int kPlaces = 20;
constexpr int kPlacesOfReads = 17;
constexpr int kCalls = 10 * kPlaces;

bool SaysWhenToComeAgain(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::RetryInfo retry;
  if (!details.ParseFromString(status.error_details())) return false;
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&retry)) return true;
  }
  return false;
}

class Overload : public MatrixTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
    v1::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name("Acme");
    v1::CreateAccountResponse response;
    ASSERT_TRUE(Call(*stubs_.accounts, &v1::AccountService::Stub::CreateAccount, request, &response).ok());
    ASSERT_TRUE(Until([&] { return Score().ok(); }));
  }
  std::string LogsOfTest() const override { return suite_.Logs(); }

  static void SetTime(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  }
  grpc::Status Score() {
    grpc::ClientContext context;
    SetTime(context);
    health::v1::GetHealthScoreRequest request;
    request.set_name("accounts/acme/healthScore");
    health::v1::GetHealthScoreResponse response;
    return stubs_.scores->GetHealthScore(&context, request, &response);
  }
  grpc::Status List() {
    grpc::ClientContext context;
    SetTime(context);
    v1::ListAccountsResponse response;
    return stubs_.accounts->ListAccounts(&context, {}, &response);
  }
  grpc::Status Change() {
    grpc::ClientContext context;
    SetTime(context);
    v1::UpdateAccountRequest request;
    request.mutable_account()->set_name("accounts/acme");
    request.mutable_account()->set_display_name("Acme, changed");
    request.mutable_update_mask()->add_paths("display_name");
    v1::UpdateAccountResponse response;
    return stubs_.accounts->UpdateAccount(&context, request, &response);
  }
  // A probe as Kubernetes makes it: on a connection of its own.
  grpc::health::v1::HealthCheckResponse::ServingStatus Probe(const std::string& service) {
    grpc::ClientContext context;
    SetTime(context);
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    const grpc::Status status = grpc::health::v1::Health::NewStub(suite_.Channel())->Check(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.status();
  }

  Suite suite_{"", {{Part::kGateway, {absl::StrCat("--max_calls=", kPlaces)}}}};
  const Stubs stubs_{suite_.Channel()};
};

TEST_F(Overload, WhatIsCheapIsRefusedFirstAndProbesAreAnswered) {
  Row("overload");
  struct Reader {
    grpc::ClientContext context;
    health::v1::GetHealthScoreRequest request;
    health::v1::GetHealthScoreResponse response;
  };
  std::vector<Reader> readers(kCalls);
  std::atomic<int> served = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> wrong = 0;
  // As a service does that is far too slow: its calls take all the places that reads may have.
  suite_.process(Part::kHealth).Freeze();
  for (Reader& reader : readers) {
    SetTime(reader.context);
    reader.request.set_name("accounts/acme/healthScore");
    stubs_.scores->async()->GetHealthScore(&reader.context, &reader.request, &reader.response, [&](const grpc::Status& status) {
      const bool full = status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED && SaysWhenToComeAgain(status);
      ++(status.ok() ? served : full ? refused : wrong);
    });
  }
  EXPECT_TRUE(Until([&] { return refused + wrong == kCalls - kPlacesOfReads; }));
  for (const grpc::Status& status : {Score(), List()}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    EXPECT_TRUE(SaysWhenToComeAgain(status));
  }
  EXPECT_TRUE(Change().ok()) << "there is room for writes";
  using grpc::health::v1::HealthCheckResponse;
  EXPECT_EQ(Probe("liveness"), HealthCheckResponse::SERVING);
  EXPECT_EQ(Probe("readiness"), HealthCheckResponse::SERVING);
  EXPECT_EQ(GetPage(suite_.http_port(), "/healthz").status, 200);
  EXPECT_EQ(GetPage(suite_.http_port(), "/readyz").status, 200);
  suite_.process(Part::kHealth).Thaw();
  EXPECT_TRUE(Until([&] { return served + refused + wrong == kCalls; }));
  EXPECT_EQ(served, kPlacesOfReads);
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(Until([&] { return Score().ok() && List().ok(); })) << "it recovers";
  EXPECT_EQ(MetricOf(suite_.http_port(), "perennial_gateway_shed_total", "kind=\"write\""), 0);
  Observe(absl::StrCat(kCalls, " reads at once and room for ", kPlacesOfReads, ": ", served.load(), " served, ", refused.load(),
                       " refused with RetryInfo, writes and probes answered, all served again afterwards"));
}

}  // namespace
}  // namespace perennial::testing
