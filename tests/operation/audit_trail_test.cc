// Changes through the gateway, as the audit trail tells them afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/audit_service.grpc.pb.h"
#include "tests/integration/suite.h"
#include "tests/operation/collector.h"

namespace perennial::testing {
namespace {

using nlohmann::json;
namespace accounts = perennial::accounts::v1;
namespace health = perennial::health::v1;
namespace segments = perennial::segments::v1;

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";

class AuditTrail : public ::testing::Test {
 protected:
  AuditTrail() {
    // SHA-256 of "ada" and of "root".
    std::ofstream(tokens_.path() + "/tokens")
        << "ada editor fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029\n"
        << "root operator 4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2\n";
  }

  // Calls as somebody, again while the service is away.
  template <class Stub, class Request, class Response>
  grpc::Status CallAs(const std::string& token, Stub& stub,
                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request, Response* response) {
    grpc::Status status;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    do {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
      context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
      context.AddMetadata("traceparent", absl::StrCat("00-", kTrace, "-00f067aa0ba902b7-01"));
      status = (stub.*method)(&context, request, response);
    } while (status.error_code() == grpc::StatusCode::UNAVAILABLE && std::chrono::steady_clock::now() < deadline);
    return status;
  }
  // The newest entry about a resource.
  std::optional<accounts::AuditEntry> Newest(const std::string& resource) {
    accounts::ListAuditEntriesRequest request;
    request.set_resource(resource);
    accounts::ListAuditEntriesResponse response;
    const auto stub = accounts::AuditService::NewStub(suite_->Channel());
    const grpc::Status status =
        CallAs("root", *stub, &accounts::AuditService::Stub::ListAuditEntries, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    if (response.entries().empty()) return std::nullopt;
    return response.entries(0);
  }
  // The same once it is of `method`.
  accounts::AuditEntry Await(const std::string& resource, const std::string& method) {
    std::optional<accounts::AuditEntry> entry;
    EXPECT_TRUE(ComesTrue([&] { return (entry = Newest(resource)).has_value() && entry->method() == method; })) << suite_->Logs();
    return entry.value_or(accounts::AuditEntry());
  }
  void Start() {
    Suite::Flags flags;
    flags[Part::kGateway] = {absl::StrCat("--tokens=", tokens_.path(), "/tokens")};
    suite_ = std::make_unique<Suite>("", flags);
    ASSERT_TRUE(suite_->WaitReady()) << suite_->Logs();
  }
  void CreateAccount() {
    accounts::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name("Acme");
    accounts::CreateAccountResponse response;
    const auto stub = accounts::AccountService::NewStub(suite_->Channel());
    const grpc::Status status =
        CallAs("ada", *stub, &accounts::AccountService::Stub::CreateAccount, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  grpc::Status CreateSegment(const std::string& id) {
    segments::CreateSegmentRequest request;
    request.set_segment_id(id);
    request.mutable_segment()->set_display_name("Large");
    request.mutable_segment()->set_filter("mrr > 1000");
    segments::CreateSegmentResponse response;
    const auto stub = segments::SegmentService::NewStub(suite_->Channel());
    return CallAs("ada", *stub, &segments::SegmentService::Stub::CreateSegment, request, &response);
  }

  const TemporaryFolder tokens_;
  std::unique_ptr<Suite> suite_;
};

TEST_F(AuditTrail, TellsChangesInSegmentSvcAsTheyWereAndAre) {
  Start();
  ASSERT_TRUE(CreateSegment("large").ok());
  const auto created = Await("segments/large", "perennial.segments.v1.SegmentService/CreateSegment");
  EXPECT_EQ(created.old_value(), "");
  EXPECT_EQ(json::parse(created.new_value()).at("filter"), "mrr > 1000");
  segments::UpdateSegmentRequest update;
  update.mutable_segment()->set_name("segments/large");
  update.mutable_segment()->set_filter("mrr > 2000");
  update.mutable_update_mask()->add_paths("filter");
  segments::UpdateSegmentResponse updated;
  const auto stub = segments::SegmentService::NewStub(suite_->Channel());
  const grpc::Status status = CallAs("ada", *stub, &segments::SegmentService::Stub::UpdateSegment, update, &updated);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto entry = Await("segments/large", "perennial.segments.v1.SegmentService/UpdateSegment");
  EXPECT_EQ(entry.caller(), "ada");
  EXPECT_EQ(entry.trace_id(), kTrace);
  EXPECT_EQ(json::parse(entry.old_value()).at("filter"), "mrr > 1000");
  EXPECT_EQ(json::parse(entry.new_value()).at("filter"), "mrr > 2000");
  segments::DeleteSegmentRequest deletion;
  deletion.set_name("segments/large");
  segments::DeleteSegmentResponse deleted;
  ASSERT_TRUE(CallAs("ada", *stub, &segments::SegmentService::Stub::DeleteSegment, deletion, &deleted).ok());
  const auto gone = Await("segments/large", "perennial.segments.v1.SegmentService/DeleteSegment");
  EXPECT_EQ(json::parse(gone.old_value()).at("filter"), "mrr > 2000");
  EXPECT_EQ(gone.new_value(), "");
}

TEST_F(AuditTrail, TellsChangesInHealthSvcAsTheyWereAndAre) {
  Start();
  CreateAccount();
  health::SetHealthScoreOverrideRequest request;
  request.set_name("accounts/acme/healthScore");
  request.mutable_override()->set_score(12);
  request.mutable_override()->set_author("ada");
  request.mutable_override()->set_reason("they told us");
  request.mutable_override()->mutable_expire_time()->set_seconds(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count() + 86400);
  health::SetHealthScoreOverrideResponse response;
  const auto stub = health::HealthScoreService::NewStub(suite_->Channel());
  // Until its facts have come it is not known there.
  grpc::Status status;
  ASSERT_TRUE(ComesTrue([&] {
    status = CallAs("ada", *stub, &health::HealthScoreService::Stub::SetHealthScoreOverride, request, &response);
    return status.error_code() != grpc::StatusCode::NOT_FOUND;
  }));
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto entry =
      Await("accounts/acme/healthScore", "perennial.health.v1.HealthScoreService/SetHealthScoreOverride");
  EXPECT_EQ(entry.caller(), "ada");
  EXPECT_EQ(entry.trace_id(), kTrace);
  EXPECT_FALSE(json::parse(entry.old_value()).contains("override"));
  EXPECT_EQ(json::parse(entry.new_value()).at("override").at("score"), 12);
}

TEST_F(AuditTrail, WhatWasChangedWhileAccountsSvcWasAwayIsThereAfterAKill) {
  Start();
  suite_->Kill(Part::kAccounts);
  const grpc::Status status = CreateSegment("large");
  ASSERT_TRUE(status.ok()) << status.error_message();
  suite_->Kill(Part::kSegments);
  suite_->Start(Part::kAccounts);
  suite_->Start(Part::kSegments);
  const auto entry = Await("segments/large", "perennial.segments.v1.SegmentService/CreateSegment");
  EXPECT_EQ(entry.caller(), "ada");
  EXPECT_EQ(json::parse(entry.new_value()).at("filter"), "mrr > 1000");
}

}  // namespace
}  // namespace perennial::testing
