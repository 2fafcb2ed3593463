// Changes through the gateway, as the audit trail tells them afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>

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
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    do {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
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
  // The resources of all entries beneath `resource`; each has one.
  std::set<std::string> Told(const std::string& resource) {
    accounts::ListAuditEntriesRequest request;
    request.set_resource(resource);
    request.set_page_size(1000);
    std::set<std::string> told;
    const auto stub = accounts::AuditService::NewStub(suite_->Channel());
    for (;;) {
      accounts::ListAuditEntriesResponse page;
      const grpc::Status status = CallAs("root", *stub, &accounts::AuditService::Stub::ListAuditEntries, request, &page);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const auto& entry : page.entries()) EXPECT_TRUE(told.insert(entry.resource()).second) << entry.resource();
      if (page.next_page_token().empty() || !status.ok()) return told;
      request.set_page_token(page.next_page_token());
    }
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

TEST_F(AuditTrail, TellsWhatWasDecidedAboutMembersBeforeAndIsNow) {
  Start();
  CreateAccount();
  ASSERT_TRUE(CreateSegment("large").ok());
  const auto stub = segments::SegmentService::NewStub(suite_->Channel());
  segments::AddMemberRequest add;
  add.set_parent("segments/large");
  add.add_accounts("accounts/acme");
  segments::AddMemberResponse added;
  grpc::Status status;
  // Until its facts have come it is not known there.
  ASSERT_TRUE(ComesTrue([&] {
    status = CallAs("ada", *stub, &segments::SegmentService::Stub::AddMember, add, &added);
    return status.ok();
  })) << status.error_message();
  const auto first = Await("segments/large", "perennial.segments.v1.SegmentService/AddMember");
  EXPECT_EQ(first.old_value(), "{}");
  const json decided = json::parse(first.new_value()).at("decisions");
  ASSERT_EQ(decided.size(), 1U);
  EXPECT_EQ(decided[0].at("account"), "accounts/acme");
  EXPECT_EQ(decided[0].at("included"), true);
  EXPECT_EQ(decided[0].at("author"), "ada");
  segments::RemoveMemberRequest remove;
  remove.set_parent("segments/large");
  remove.add_accounts("accounts/acme");
  segments::RemoveMemberResponse removed;
  ASSERT_TRUE(CallAs("root", *stub, &segments::SegmentService::Stub::RemoveMember, remove, &removed).ok());
  const auto second = Await("segments/large", "perennial.segments.v1.SegmentService/RemoveMember");
  EXPECT_EQ(second.old_value(), first.new_value());
  EXPECT_EQ(json::parse(second.new_value()).at("decisions")[0].at("author"), "root");
  segments::ResetMemberRequest reset;
  reset.set_parent("segments/large");
  reset.add_accounts("accounts/acme");
  segments::ResetMemberResponse back;
  ASSERT_TRUE(CallAs("ada", *stub, &segments::SegmentService::Stub::ResetMember, reset, &back).ok());
  const auto third = Await("segments/large", "perennial.segments.v1.SegmentService/ResetMember");
  EXPECT_EQ(third.old_value(), second.new_value());
  EXPECT_EQ(third.new_value(), "{}");
}

TEST_F(AuditTrail, AChangeThatNeverCameIntoTheJournalIsThereAfterAKill) {
  Start();
  suite_->Kill(Part::kSegments);
  // Nothing can be written to a folder: the change has what was committed with it, and the memory of the process.
  const std::string journal = suite_->folder() + "/segment-svc/audit.journal";
  std::filesystem::remove(journal);
  std::filesystem::create_directory(journal);
  suite_->Start(Part::kSegments);
  ASSERT_TRUE(suite_->WaitReady()) << suite_->Logs();
  // The gateway may have said what was before the kill: only an answer shows that the facts are there again.
  ASSERT_TRUE(CreateSegment("small").ok());
  suite_->Kill(Part::kAccounts);
  const grpc::Status status = CreateSegment("large");
  ASSERT_TRUE(status.ok()) << status.error_message();
  suite_->Kill(Part::kSegments);
  std::filesystem::remove(journal);
  suite_->Start(Part::kAccounts);
  suite_->Start(Part::kSegments);
  const auto entry = Await("segments/large", "perennial.segments.v1.SegmentService/CreateSegment");
  EXPECT_EQ(entry.caller(), "ada");
  EXPECT_EQ(entry.trace_id(), kTrace);
  EXPECT_EQ(json::parse(entry.new_value()).at("segment").at("filter"), "mrr > 1000") << "what was asked for";
}

TEST_F(AuditTrail, AfterKillsAtAnyMomentExactlyWhatWasChangedIsTold) {
  Start();
  const auto stub = segments::SegmentService::NewStub(suite_->Channel(Part::kSegments));
  std::mt19937 random(20261122);
  const int rounds = std::getenv("PERENNIAL_LONG") != nullptr ? 60 : 6;
  std::atomic<int> number = 0;
  for (int round = 0; round < rounds; ++round) {
    std::atomic<bool> stop = false;
    std::thread editor([&] {
      while (!stop) {
        segments::CreateSegmentRequest request;
        request.set_segment_id(absl::StrCat("s", number++));
        request.mutable_segment()->set_display_name("Some");
        request.mutable_segment()->set_filter("mrr > 1000");
        segments::CreateSegmentResponse response;
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
        (void)stub->CreateSegment(&context, request, &response);
      }
    });
    // Waits until some were made; then at any moment.
    const int before = number;
    EXPECT_TRUE(ComesTrue([&] { return number >= before + 5; }));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
    suite_->Kill(Part::kSegments);
    stop = true;
    editor.join();
    suite_->Start(Part::kSegments);
    ASSERT_TRUE(suite_->WaitReady()) << suite_->Logs();
  }
  std::set<std::string> made;
  segments::ListSegmentsRequest list;
  list.set_page_size(1000);
  for (;;) {
    segments::ListSegmentsResponse page;
    ASSERT_TRUE(CallAs("ada", *stub, &segments::SegmentService::Stub::ListSegments, list, &page).ok());
    for (const auto& segment : page.segments()) {
      if (segment.display_name() == "Some") made.insert(segment.name());
    }
    if (page.next_page_token().empty()) break;
    list.set_page_token(page.next_page_token());
  }
  EXPECT_GE(made.size(), static_cast<std::size_t>(rounds));
  std::set<std::string> told;
  EXPECT_TRUE(ComesTrue([&] { return (told = Told("segments")).size() >= made.size(); })) << suite_->Logs();
  EXPECT_EQ(told, made);
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
