// A request that is sent again under its request_id.
#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "accounts-svc/idempotency.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"
#include "perennial/accounts/v1/lifecycle_service.grpc.pb.h"
#include "perennial/accounts/v1/record_service.grpc.pb.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {
namespace {

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status rpc;
  google::rpc::ErrorInfo info;
  if (!rpc.ParseFromString(status.error_details())) return {};
  for (const auto& any : rpc.details()) {
    if (any.UnpackTo(&info)) return info.reason();
  }
  return {};
}

class IdempotencyTest : public CareTest {
 protected:
  static v1::CreateAccountRequest AccountOf(const std::string& id, const std::string& request_id) {
    v1::CreateAccountRequest request;
    request.set_account_id(id);
    request.set_request_id(request_id);
    request.mutable_account()->set_display_name("The " + id);
    for (const char* key : {"one", "two", "three", "four"}) {
      (*request.mutable_account()->mutable_attributes())[key].set_number(1);
    }
    return request;
  }
  // Corrects or deletes a record twice under one id: the second answers with the change that the first one made, and traces
  // none.
  template <class Request, class Response>
  void ExpectChangedOnce(v1::RecordService::Stub& stub,
                         grpc::Status (v1::RecordService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                         Response*),
                         const Request& request) {
    const auto changes = [&] {
      v1::ListRecordChangesRequest list;
      list.set_parent("accounts/acme");
      v1::ListRecordChangesResponse response;
      EXPECT_TRUE(Send(stub, &v1::RecordService::Stub::ListRecordChanges, list, &response).ok());
      return response.changes_size();
    };
    const int before = changes();
    ExpectOnce(stub, method, request);
    EXPECT_EQ(changes(), before + 1);
  }
  // A request of any kind whose answer has the state of what it changed: sends it twice, and expects the second to
  // answer the same and to change nothing.
  template <class Stub, class Request, class Response>
  void ExpectOnce(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  Request request) {
    SCOPED_TRACE(Request::descriptor()->name());
    request.set_request_id("r-" + Request::descriptor()->name());
    Response first;
    const grpc::Status done = Send(stub, method, request, &first);
    ASSERT_TRUE(done.ok()) << done.error_message();
    clock_.Advance(absl::Seconds(1));
    Response second;
    const grpc::Status again = Send(stub, method, request, &second);
    ASSERT_TRUE(again.ok()) << again.error_message();
    EXPECT_EQ(second.DebugString(), first.DebugString());
  }
};

TEST_F(IdempotencyTest, EveryMutationTakesEffectOnceUnderItsId) {
  using Accounts = v1::AccountService::Stub;
  using Goals = v1::GoalService::Stub;
  using Subscriptions = v1::SubscriptionService::Stub;
  using Tasks = v1::TaskService::Stub;
  ExpectOnce(*accounts_, &Accounts::CreateAccount, AccountOf("zeta", ""));
  v1::UpdateAccountRequest update;
  update.mutable_account()->set_name("accounts/zeta");
  update.mutable_account()->set_owner("ann@example.com");
  update.mutable_account()->set_etag(GetAccount("zeta").etag());  // stale the second time
  ExpectOnce(*accounts_, &Accounts::UpdateAccount, update);

  ExpectOnce(*accounts_, &Accounts::CreateContact, ContactOf("bob"));
  v1::UpdateContactRequest departs;
  departs.mutable_contact()->set_name("accounts/acme/contacts/bob");
  departs.mutable_contact()->set_departed(true);
  ExpectOnce(*accounts_, &Accounts::UpdateContact, departs);
  v1::DeleteContactRequest no_contact;
  no_contact.set_name("accounts/acme/contacts/bob");
  ExpectOnce(*accounts_, &Accounts::DeleteContact, no_contact);

  ExpectOnce(*goals_, &Goals::CreateGoal, GoalOf("more"));
  v1::UpdateGoalRequest reached;
  reached.mutable_goal()->set_name("accounts/acme/goals/more");
  reached.mutable_goal()->set_current_value(10);
  ExpectOnce(*goals_, &Goals::UpdateGoal, reached);
  v1::DeleteGoalRequest no_goal;
  no_goal.set_name("accounts/acme/goals/more");
  ExpectOnce(*goals_, &Goals::DeleteGoal, no_goal);

  ExpectOnce(*subscriptions_, &Subscriptions::CreateSubscription, SubscriptionOf("acme", "s", "100"));
  v1::UpdateSubscriptionRequest seats;
  seats.mutable_subscription()->set_name("accounts/acme/subscriptions/s");
  seats.mutable_subscription()->set_seats(7);
  ExpectOnce(*subscriptions_, &Subscriptions::UpdateSubscription, seats);
  v1::CancelSubscriptionRequest cancel;
  cancel.set_name("accounts/acme/subscriptions/s");
  ExpectOnce(*subscriptions_, &Subscriptions::CancelSubscription, cancel);

  ExpectOnce(*tasks_, &Tasks::CreateTask, TaskOf("call"));
  v1::UpdateTaskRequest title;
  title.mutable_task()->set_name("accounts/acme/tasks/call");
  title.mutable_task()->set_title("Call again");
  ExpectOnce(*tasks_, &Tasks::UpdateTask, title);
  v1::CompleteTaskRequest complete;
  complete.set_name("accounts/acme/tasks/call");
  ExpectOnce(*tasks_, &Tasks::CompleteTask, complete);

  const auto rates = v1::ExchangeRateService::NewStub(channel_);
  v1::SetExchangeRateRequest rate;
  rate.mutable_exchange_rate()->set_currency_code("EUR");
  rate.mutable_exchange_rate()->set_rate("1.1");
  SetTimestamp(clock_.Now() - absl::Hours(1), rate.mutable_exchange_rate()->mutable_effective_time());
  ExpectOnce(*rates, &v1::ExchangeRateService::Stub::SetExchangeRate, rate);
  v1::DeleteExchangeRateRequest no_rate;
  no_rate.set_currency_code("EUR");
  *no_rate.mutable_effective_time() = rate.exchange_rate().effective_time();
  ExpectOnce(*rates, &v1::ExchangeRateService::Stub::DeleteExchangeRate, no_rate);

  const auto lifecycle = v1::LifecycleService::NewStub(channel_);
  v1::MoveAccountPhaseRequest move;
  move.set_name("accounts/acme");
  move.set_phase(v1::LIFECYCLE_PHASE_SUCCESS);
  SetTimestamp(clock_.Now(), move.mutable_effective_time());
  move.set_reason("they said so");
  move.set_author("zoe");
  ExpectOnce(*lifecycle, &v1::LifecycleService::Stub::MoveAccountPhase, move);
  v1::UndoPhaseMoveRequest undo;
  undo.set_name("accounts/acme");
  *undo.mutable_effective_time() = move.effective_time();
  ExpectOnce(*lifecycle, &v1::LifecycleService::Stub::UndoPhaseMove, undo);

  const auto records = v1::RecordService::NewStub(channel_);
  Write({Usage("acme", "1", "logins", 3)});
  v1::CorrectRecordRequest correct;
  *correct.mutable_record() = Usage("acme", "1", "logins", 5);
  correct.set_reason("typing error");
  correct.set_author("zoe");
  ExpectChangedOnce(*records, &v1::RecordService::Stub::CorrectRecord, correct);
  v1::DeleteRecordRequest erase;
  erase.set_account("accounts/acme");
  erase.set_kind(v1::RECORD_KIND_USAGE);
  erase.set_record_id("1");
  erase.set_reason("sent by mistake");
  erase.set_author("zoe");
  ExpectChangedOnce(*records, &v1::RecordService::Stub::DeleteRecord, erase);

  v1::DeleteAccountRequest remove;
  remove.set_name("accounts/acme");
  ExpectOnce(*accounts_, &Accounts::DeleteAccount, remove);
  v1::UndeleteAccountRequest restore;
  restore.set_name("accounts/acme");
  ExpectOnce(*accounts_, &Accounts::UndeleteAccount, restore);

  v1::UpdateLifecycleRulesRequest rules;
  rules.mutable_rules()->set_success_after_days(200);
  rules.mutable_rules()->set_etag("\"v1\"");  // stale the second time
  rules.set_author("zoe");
  ExpectOnce(*lifecycle, &v1::LifecycleService::Stub::UpdateLifecycleRules, rules);
}

TEST_F(IdempotencyTest, ARepetitionIsAnsweredWithThePresentState) {
  ASSERT_TRUE(Create(AccountOf("zeta", "one")).ok());
  v1::UpdateAccountRequest update;
  update.mutable_account()->set_name("accounts/zeta");
  update.mutable_account()->set_display_name("Zeta");
  ASSERT_TRUE(Update(update).ok());
  v1::Account account;
  ASSERT_TRUE(Create(AccountOf("zeta", "one"), &account).ok());
  EXPECT_EQ(account.display_name(), "Zeta");
  ASSERT_TRUE(Delete("zeta").ok());
  ASSERT_TRUE(Create(AccountOf("zeta", "one"), &account).ok());
  EXPECT_TRUE(account.has_delete_time());
}

TEST_F(IdempotencyTest, ARepetitionIsKnownAfterARestart) {
  ASSERT_TRUE(Create(AccountOf("zeta", "one")).ok());
  Restart();
  EXPECT_TRUE(Create(AccountOf("zeta", "one")).ok());
  EXPECT_EQ(Create(AccountOf("zeta", "two")).error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(IdempotencyTest, AnIdIsRefusedForAnotherRequest) {
  ASSERT_TRUE(Create(AccountOf("zeta", "one")).ok());
  const grpc::Status refused = Create(AccountOf("eta", "one"));
  EXPECT_EQ(BadFields(refused), Fields{"request_id"});
  EXPECT_EQ(ReasonOf(refused), "REQUEST_ID_REUSED");
  v1::Account account;
  EXPECT_EQ(Get("eta", &account).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(Create(AccountOf("eta", "two")).ok());
}

TEST_F(IdempotencyTest, MethodsDoNotShareIds) {
  ASSERT_TRUE(Create(AccountOf("zeta", "one")).ok());
  v1::DeleteAccountRequest remove;
  remove.set_name("accounts/zeta");
  remove.set_request_id("one");
  v1::DeleteAccountResponse response;
  EXPECT_TRUE(Send(*accounts_, &v1::AccountService::Stub::DeleteAccount, remove, &response).ok());
  EXPECT_TRUE(response.account().has_delete_time());
}

TEST_F(IdempotencyTest, WhatFailedMayBeSentAgain) {
  v1::CreateContactRequest request = ContactOf("bob");
  request.set_parent("accounts/zeta");
  request.set_request_id("one");
  EXPECT_EQ(Add(request).error_code(), grpc::StatusCode::NOT_FOUND);
  CreateAccount("zeta");
  EXPECT_TRUE(Add(request).ok());
}

TEST_F(IdempotencyTest, AnIdCountsForADay) {
  const absl::Time began = clock_.Now();
  ASSERT_TRUE(Create(AccountOf("zeta", "one")).ok());
  clock_.Set(began + absl::Hours(24) - absl::Microseconds(1));
  EXPECT_TRUE(Create(AccountOf("zeta", "one")).ok());
  clock_.Set(began + absl::Hours(24));
  EXPECT_EQ(Create(AccountOf("zeta", "one")).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_TRUE(Create(AccountOf("eta", "one")).ok());
}

TEST_F(IdempotencyTest, AnIdIsIgnoredWhenARequestIsOnlyChecked) {
  v1::CreateAccountRequest request = AccountOf("zeta", "one");
  request.set_validate_only(true);
  ASSERT_TRUE(Create(request).ok());
  request.set_request_id(std::string(129, 'x'));
  EXPECT_TRUE(Create(request).ok());
  EXPECT_TRUE(Create(AccountOf("eta", "one")).ok());
}

TEST_F(IdempotencyTest, ABadIdIsNamedWithAllElseThatIsBad) {
  for (const std::string& id :
       {std::string(129, 'x'), std::string("a\tb"), std::string("\xc3\xbc"), std::string("a\0b", 3)}) {
    v1::CreateAccountRequest request;
    request.set_request_id(id);
    request.set_account_id("-");
    EXPECT_EQ(BadFields(Create(request)), (Fields{"account", "account.display_name", "account_id", "request_id"}));
    v1::DeleteAccountRequest remove;
    remove.set_name("acme");
    remove.set_request_id(request.request_id());
    v1::DeleteAccountResponse response;
    EXPECT_EQ(BadFields(Send(*accounts_, &v1::AccountService::Stub::DeleteAccount, remove, &response)),
              (Fields{"name", "request_id"}));
  }
  EXPECT_TRUE(Create(AccountOf("zeta", std::string(128, '~'))).ok());
}

TEST_F(IdempotencyTest, OfAHundredAtOnceOneTakesEffect) {
  constexpr int kAtOnce = 100;
  std::atomic<int> ok = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kAtOnce; ++i) {
    threads.emplace_back([&] {
      v1::CreateTaskRequest request = TaskOf("call");
      request.set_request_id("one");
      v1::Task task;
      grpc::Status status = Add(request, &task);
      while (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) status = Add(request, &task);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(task.revision(), 1);
      ok += status.ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ok, kAtOnce);
}

using RequestStoreTest = StoreTest;

TEST_P(RequestStoreTest, OldRequestsAreForgottenInSmallSteps) {
  const absl::Time begin = At("2024-06-01T00:00:00Z");
  Write([&](WriteTransaction& transaction) -> absl::Status {
    for (int i = 0; i < 25; ++i) {
      const absl::Status put = transaction.PutRequest({.request_id = absl::StrCat("r", i),
                                                       .method = "m",
                                                       .fingerprint = std::string("\0f", 2),
                                                       .create_time = begin + absl::Hours(i)});
      if (!put.ok()) return put;
    }
    return absl::OkStatus();
  });
  const auto has = [&](absl::Time until) {
    return Read([&](ReadTransaction& transaction) { return transaction.HasRequests(until); });
  };
  const auto forget = [&](absl::Time until, int limit) {
    int forgotten = -1;
    Write([&](WriteTransaction& transaction) -> absl::Status {
      const auto deleted = transaction.DeleteRequests(until, limit);
      if (deleted.ok()) forgotten = *deleted;
      return deleted.status();
    });
    return forgotten;
  };
  const absl::Time until = begin + absl::Hours(19);
  EXPECT_FALSE(has(begin - absl::Microseconds(1)));
  EXPECT_TRUE(has(until));
  EXPECT_EQ(forget(until, 15), 15);
  EXPECT_EQ(forget(until, 15), 5);
  EXPECT_EQ(forget(until, 15), 0);
  EXPECT_FALSE(has(until));
  const auto find = [&](const std::string& id) {
    return Read([&](ReadTransaction& transaction) { return transaction.FindRequest(id, "m"); });
  };
  EXPECT_EQ(find("r19"), std::nullopt);
  EXPECT_EQ(find("r20")->fingerprint, std::string("\0f", 2));
}

TEST_F(IdempotencyTest, OldRequestsAreForgottenByThemselves) {
  ASSERT_TRUE(Create(AccountOf("zeta", "one")).ok());
  const absl::Time stored = clock_.Now();
  clock_.Advance(kRequestLifetime);
  server_ = nullptr;
  StartServer();
  // What is forgotten cannot be told from what is too old by a call, so the clock goes back: then the id would count.
  EXPECT_TRUE(Eventually([&] {
    clock_.Set(stored + kRequestLifetime);
    std::this_thread::yield();
    clock_.Set(stored);
    return Create(AccountOf("zeta", "one")).error_code() == grpc::StatusCode::ALREADY_EXISTS;
  }));
}

INSTANTIATE_TEST_SUITE_P(All, RequestStoreTest, ::testing::ValuesIn(StoreKinds()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace perennial::accounts::testing
