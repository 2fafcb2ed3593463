#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/lifecycle_service.grpc.pb.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {

// A server with an account "acme", and calls of LifecycleService.
class LifecycleFixture : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    lifecycle_ = v1::LifecycleService::NewStub(channel_);
    v1::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name("Acme");
    SetTimestamp(Ago(500), request.mutable_account()->mutable_customer_since());
    ASSERT_TRUE(ServerTest::Create(request).ok());
  }
  [[nodiscard]] absl::Time Ago(int days) const { return clock_.Now() - absl::Hours(24) * days; }
  void Subscribe(absl::Time start, const std::string& id = "acme") {
    v1::CreateSubscriptionRequest request = SubscriptionOf(id, "s", "10");
    SetTimestamp(start, request.mutable_subscription()->mutable_start_time());
    ASSERT_TRUE(Create(request).ok());
  }

  v1::LifecycleRules Rules(std::int64_t revision = 0) {
    v1::GetLifecycleRulesRequest request;
    request.set_revision(revision);
    v1::GetLifecycleRulesResponse response;
    const grpc::Status status = Send(*lifecycle_, &v1::LifecycleService::Stub::GetLifecycleRules, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.rules();
  }
  static v1::UpdateLifecycleRulesRequest UpdateOf(const v1::LifecycleRules& rules) {
    v1::UpdateLifecycleRulesRequest request;
    *request.mutable_rules() = rules;
    request.set_author("ann");
    request.set_note("shorter");
    return request;
  }
  grpc::Status UpdateRules(const v1::UpdateLifecycleRulesRequest& request, v1::LifecycleRules* rules = nullptr) {
    v1::UpdateLifecycleRulesResponse response;
    const grpc::Status status = Send(*lifecycle_, &v1::LifecycleService::Stub::UpdateLifecycleRules, request, &response);
    if (rules != nullptr) *rules = response.rules();
    return status;
  }
  static v1::MoveAccountPhaseRequest MoveOf(v1::LifecyclePhase phase, std::optional<absl::Time> effective = {}) {
    v1::MoveAccountPhaseRequest request;
    request.set_name("accounts/acme");
    request.set_phase(phase);
    request.set_reason("they said so");
    request.set_author("ann");
    if (effective.has_value()) SetTimestamp(*effective, request.mutable_effective_time());
    return request;
  }
  grpc::Status Move(const v1::MoveAccountPhaseRequest& request) {
    moved_.Clear();
    return Send(*lifecycle_, &v1::LifecycleService::Stub::MoveAccountPhase, request, &moved_);
  }
  grpc::Status Undo(const v1::UndoPhaseMoveRequest& request) {
    v1::UndoPhaseMoveResponse response;
    return Send(*lifecycle_, &v1::LifecycleService::Stub::UndoPhaseMove, request, &response);
  }
  grpc::Status Undo(absl::Time effective, const std::string& author = "", const std::string& reason = "") {
    v1::UndoPhaseMoveRequest request;
    request.set_name("accounts/acme");
    request.set_author(author);
    request.set_reason(reason);
    SetTimestamp(effective, request.mutable_effective_time());
    return Undo(request);
  }
  v1::GetAccountLifecycleResponse Lifecycle(std::optional<absl::Time> as_of = {}) {
    v1::GetAccountLifecycleRequest request;
    request.set_name("accounts/acme");
    if (as_of.has_value()) SetTimestamp(*as_of, request.mutable_as_of());
    v1::GetAccountLifecycleResponse response;
    const grpc::Status status = Send(*lifecycle_, &v1::LifecycleService::Stub::GetAccountLifecycle, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // Phases with how many days ago each was entered.
  template <class Changes>
  std::string Text(const Changes& changes) {
    std::string text;
    for (const v1::PhaseChange& change : changes) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", v1::LifecyclePhase_Name(change.phase()).substr(16), " ",
                      (clock_.Now() - ToTime(change.enter_time())) / absl::Hours(24));
    }
    return text;
  }
  // What is stored.
  std::string Phases() {
    v1::ListPhaseChangesRequest request;
    request.set_parent("accounts/acme");
    v1::ListPhaseChangesResponse response;
    EXPECT_TRUE(Send(*accounts_, &v1::AccountService::Stub::ListPhaseChanges, request, &response).ok());
    return Text(response.phase_changes());
  }

  std::unique_ptr<v1::LifecycleService::Stub> lifecycle_;
  v1::MoveAccountPhaseResponse moved_;
};

}  // namespace perennial::accounts::testing
