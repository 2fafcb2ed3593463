#pragma once

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "accounts-svc/accounts_server.h"
#include "common/base/time_util.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {

namespace v1 = perennial::accounts::v1;

// A clock that a test sets.
class TestClock final : public Clock {
 public:
  explicit TestClock(absl::Time now) : micros_(absl::ToUnixMicros(now)) {}
  [[nodiscard]] absl::Time Now() const override { return absl::FromUnixMicros(micros_); }
  void Set(absl::Time now) { micros_ = absl::ToUnixMicros(now); }
  void Advance(absl::Duration time) { micros_ += absl::ToInt64Microseconds(time); }

 private:
  std::atomic<std::int64_t> micros_;
};

// A call's context with a deadline, so that no test hangs.
struct Call {
  Call() { context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2)); }
  grpc::ClientContext context;
};

// Names of the bad fields in a status's BadRequest, sorted.
inline std::vector<std::string> BadFields(const google::rpc::Status& status) {
  std::vector<std::string> fields;
  google::rpc::BadRequest detail;
  for (const auto& any : status.details()) {
    if (!any.UnpackTo(&detail)) continue;
    for (const auto& violation : detail.field_violations()) fields.push_back(violation.field());
  }
  std::sort(fields.begin(), fields.end());
  return fields;
}
inline std::vector<std::string> BadFields(const grpc::Status& status) {
  google::rpc::Status rpc;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_TRUE(rpc.ParseFromString(status.error_details()));
  return BadFields(rpc);
}

using Facts = std::map<std::string, std::string>;

// The whole service in this process, on a temporary folder, with a clock that the test sets: noon of 30 June 2024.
class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override { StartServer(); }
  void StartServer() {
    server_ = nullptr;
    auto server = AccountsServer::Start({.data = folder_.path(),
                                         .database = DatabaseFor(folder_.path()),
                                         .sweep_interval = std::chrono::milliseconds(5)},
                                        clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = server_->InProcessChannel();
    accounts_ = v1::AccountService::NewStub(channel_);
    subscriptions_ = v1::SubscriptionService::NewStub(channel_);
    ingest_ = v1::IngestService::NewStub(channel_);
    facts_ = v1::FactService::NewStub(channel_);
  }

  // Calls a unary method of a stub: Send(*accounts_, &v1::AccountService::Stub::GetAccount, request, &response).
  template <class Stub, class Request, class Response>
  static grpc::Status Send(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                           const Request& request, Response* response) {
    Call call;
    return (stub.*method)(&call.context, request, response);
  }

  grpc::Status Create(const v1::CreateAccountRequest& request, v1::Account* account = nullptr) {
    v1::CreateAccountResponse response;
    Call call;
    const grpc::Status status = accounts_->CreateAccount(&call.context, request, &response);
    if (account != nullptr) *account = response.account();
    return status;
  }
  v1::Account CreateAccount(const std::string& id) {
    v1::CreateAccountRequest request;
    request.set_account_id(id);
    request.mutable_account()->set_display_name("The " + id);
    v1::Account account;
    const grpc::Status status = Create(request, &account);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return account;
  }
  grpc::Status Get(const std::string& id, v1::Account* account) {
    v1::GetAccountRequest request;
    request.set_name("accounts/" + id);
    v1::GetAccountResponse response;
    Call call;
    const grpc::Status status = accounts_->GetAccount(&call.context, request, &response);
    *account = response.account();
    return status;
  }
  v1::Account GetAccount(const std::string& id) {
    v1::Account account;
    const grpc::Status status = Get(id, &account);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return account;
  }
  grpc::Status Update(const v1::UpdateAccountRequest& request, v1::Account* account = nullptr) {
    v1::UpdateAccountResponse response;
    Call call;
    const grpc::Status status = accounts_->UpdateAccount(&call.context, request, &response);
    if (account != nullptr) *account = response.account();
    return status;
  }
  grpc::Status Delete(const std::string& id, const std::string& etag = "") {
    v1::DeleteAccountRequest request;
    request.set_name("accounts/" + id);
    request.set_etag(etag);
    v1::DeleteAccountResponse response;
    Call call;
    return accounts_->DeleteAccount(&call.context, request, &response);
  }
  grpc::Status Undelete(const std::string& id) {
    v1::UndeleteAccountRequest request;
    request.set_name("accounts/" + id);
    v1::UndeleteAccountResponse response;
    Call call;
    return accounts_->UndeleteAccount(&call.context, request, &response);
  }

  // A subscription in USD that starts now unless told otherwise.
  v1::CreateSubscriptionRequest SubscriptionOf(const std::string& account, const std::string& id,
                                               const std::string& mrr) {
    v1::CreateSubscriptionRequest request;
    request.set_parent("accounts/" + account);
    request.set_subscription_id(id);
    v1::Subscription& subscription = *request.mutable_subscription();
    subscription.set_plan("plan-" + id);
    subscription.mutable_mrr()->set_amount(mrr);
    subscription.mutable_mrr()->set_currency_code("USD");
    SetTimestamp(clock_.Now(), subscription.mutable_start_time());
    return request;
  }
  grpc::Status Create(const v1::CreateSubscriptionRequest& request, v1::Subscription* subscription = nullptr) {
    v1::CreateSubscriptionResponse response;
    Call call;
    const grpc::Status status = subscriptions_->CreateSubscription(&call.context, request, &response);
    if (subscription != nullptr) *subscription = response.subscription();
    return status;
  }

  // A record of an account that happened now.
  v1::Record RecordOf(const std::string& account, const std::string& id) {
    v1::Record record;
    record.set_record_id(id);
    record.set_account("accounts/" + account);
    SetTimestamp(clock_.Now(), record.mutable_event_time());
    return record;
  }
  v1::Record Usage(const std::string& account, const std::string& id, const std::string& metric, double value = 1) {
    v1::Record record = RecordOf(account, id);
    record.mutable_usage()->set_metric(metric);
    record.mutable_usage()->set_value(value);
    return record;
  }
  grpc::Status Write(const std::vector<v1::Record>& records, v1::BatchSummary* summary) {
    v1::WriteRecordsRequest request;
    for (const v1::Record& record : records) *request.add_records() = record;
    v1::WriteRecordsResponse response;
    Call call;
    const grpc::Status status = ingest_->WriteRecords(&call.context, request, &response);
    *summary = response.summary();
    return status;
  }
  // Writes records, none of which may be refused.
  v1::BatchSummary Write(const std::vector<v1::Record>& records) {
    v1::BatchSummary summary;
    const grpc::Status status = Write(records, &summary);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(summary.errors_size(), 0) << summary.ShortDebugString();
    return summary;
  }

  grpc::Status GetFacts(const std::string& id, std::optional<absl::Time> as_of, v1::GetFactsResponse* response) {
    v1::GetFactsRequest request;
    request.set_name("accounts/" + id);
    if (as_of.has_value()) SetTimestamp(*as_of, request.mutable_as_of());
    Call call;
    return facts_->GetFacts(&call.context, request, response);
  }
  // Facts of an account as texts; empty when it has none then.
  Facts FactsOf(const std::string& id, std::optional<absl::Time> as_of = {}) {
    v1::GetFactsResponse response;
    Facts facts;
    if (!GetFacts(id, as_of, &response).ok()) return facts;
    for (v1::Fact fact : response.facts()) {
      const std::string name = fact.name();
      fact.clear_name();
      facts[name] = fact.ShortDebugString();
    }
    return facts;
  }
  // One fact as text, or "unknown".
  std::string Fact(const std::string& id, const std::string& name, std::optional<absl::Time> as_of = {}) {
    const Facts facts = FactsOf(id, as_of);
    const auto found = facts.find(name);
    return found == facts.end() ? "unknown" : found->second;
  }

  // Waits until `condition` holds; false after a minute.
  static bool Eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  TempFolder folder_;
  TestClock clock_{At("2024-06-30T12:00:00Z")};
  std::unique_ptr<AccountsServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AccountService::Stub> accounts_;
  std::unique_ptr<v1::SubscriptionService::Stub> subscriptions_;
  std::unique_ptr<v1::IngestService::Stub> ingest_;
  std::unique_ptr<v1::FactService::Stub> facts_;
};

}  // namespace perennial::accounts::testing
