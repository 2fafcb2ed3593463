// PurgeAccount: nothing of an account stays but the tombstone of its id.
#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/audit_service.grpc.pb.h"
#include "tests/accounts/purge_fixture.h"

namespace perennial::accounts::testing {
namespace {

TEST_F(PurgeTest, AnAccountMustHaveBeenDeleted) {
  EXPECT_EQ(Purge("acme").error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Purge("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(Delete("acme").ok());
  v1::PurgeAccountResponse response;
  EXPECT_EQ(Purge("acme", &response, "", "\"v1\"").error_code(), grpc::StatusCode::ABORTED);
  EXPECT_TRUE(Purge("acme", &response, "", "\"v2\"").ok());
  EXPECT_EQ(Purge("acme").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(PurgeTest, NamesEveryBadFieldAtOnce) {
  v1::PurgeAccountRequest request;
  request.set_request_id("\n");
  v1::PurgeAccountResponse response;
  EXPECT_EQ(BadFields(Send(*accounts_, &v1::AccountService::Stub::PurgeAccount, request, &response)),
            (Fields{"name", "request_id"}));
}

TEST_F(PurgeTest, NothingOfTheAccountCanBeReadAgain) {
  FillAcme();
  CreateAccount("zeta");
  Write({Usage("zeta", "z", "logins")});
  ASSERT_TRUE(Delete("acme").ok());
  v1::PurgeAccountResponse purged;
  ASSERT_TRUE(Purge("acme", &purged).ok());
  EXPECT_EQ(purged.records_erased(), 350);

  v1::Account account;
  EXPECT_EQ(Get("acme", &account).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Undelete("acme").error_code(), grpc::StatusCode::NOT_FOUND);
  v1::ListAccountsRequest list;
  list.set_show_deleted(true);
  v1::ListAccountsResponse listed;
  ASSERT_TRUE(Send(*accounts_, &v1::AccountService::Stub::ListAccounts, list, &listed).ok());
  ASSERT_EQ(listed.accounts_size(), 1);
  EXPECT_EQ(listed.accounts(0).name(), "accounts/zeta");
  v1::ListRevenueMovementsRequest movements;
  movements.set_parent("accounts/-");
  v1::ListRevenueMovementsResponse moved;
  ASSERT_TRUE(Send(*subscriptions_, &v1::SubscriptionService::Stub::ListRevenueMovements, movements, &moved).ok());
  EXPECT_EQ(moved.movements_size(), 0);
  EXPECT_EQ(Fact("zeta", "usage.logins.sum_7d"), "number: 1") << "others keep what they have";
}

TEST_F(PurgeTest, ItsIdMayBeUsedAgainAndBringsNothingBack) {
  FillAcme();
  ASSERT_TRUE(Delete("acme").ok());
  ASSERT_TRUE(Purge("acme").ok());
  CreateAccount("acme");
  EXPECT_EQ(Fact("acme", "usage.logins.sum_7d"), "unknown");
  const v1::BatchSummary written = Write({Usage("acme", absl::StrCat(kMarker, "-1"), "logins")});
  EXPECT_EQ(written.stored(), 1) << "ids of its records are free";
  ASSERT_TRUE(Add(TaskOf("call")).ok());
  ASSERT_TRUE(Add(ContactOf("bob")).ok());
  // And the new one can go the same way.
  ASSERT_TRUE(Delete("acme").ok());
  v1::PurgeAccountResponse again;
  ASSERT_TRUE(Purge("acme", &again).ok());
  EXPECT_EQ(again.records_erased(), 1);
}

TEST_F(PurgeTest, AnEntryOfTheAuditTrailThatComesAfterItHasNoContent) {
  CreateAccount("zeta");
  ASSERT_TRUE(Delete("acme").ok());
  ASSERT_TRUE(Purge("acme").ok());
  const auto stub = v1::AuditService::NewStub(channel_);
  const auto write = [&](const std::string& id, const std::string& resource, absl::Time time) {
    v1::WriteAuditEntriesRequest request;
    v1::AuditEntry* const entry = request.add_entries();
    entry->set_id(id);
    entry->set_caller("ada");
    entry->set_method("perennial.health.v1.HealthScoreService/SetHealthScoreOverride");
    entry->set_resource(resource);
    entry->set_old_value(kMarker);
    entry->set_new_value(kMarker);
    SetTimestamp(time, entry->mutable_event_time());
    v1::WriteAuditEntriesResponse response;
    const grpc::Status status = Send(*stub, &v1::AuditService::Stub::WriteAuditEntries, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  };
  // Whether the content of the entry was kept.
  const auto kept = [&](const std::string& id) {
    v1::ListAuditEntriesResponse response;
    v1::ListAuditEntriesRequest request;
    request.set_caller("ada");
    EXPECT_TRUE(Send(*stub, &v1::AuditService::Stub::ListAuditEntries, request, &response).ok());
    for (const v1::AuditEntry& entry : response.entries()) {
      if (entry.id() == id) return entry.old_value() == kMarker && entry.new_value() == kMarker;
    }
    ADD_FAILURE() << id << " is not there";
    return false;
  };
  const absl::Time now = clock_.Now();
  write("score", "accounts/acme/healthScore", now - absl::Seconds(5));
  write("account", "accounts/acme", now + absl::Seconds(5));
  write("other", "accounts/zeta/healthScore", now);
  write("segment", "segments/acme", now);
  EXPECT_FALSE(kept("score"));
  EXPECT_FALSE(kept("account")) << "whatever the clock of the other service says";
  EXPECT_TRUE(kept("other"));
  EXPECT_TRUE(kept("segment"));
  clock_.Advance(absl::Seconds(60));
  CreateAccount("acme");
  write("before", "accounts/acme/healthScore", now);
  write("anew", "accounts/acme/healthScore", now + absl::Seconds(61));
  EXPECT_FALSE(kept("before"));
  EXPECT_TRUE(kept("anew")) << "an account that has the id now";
}

TEST_F(PurgeTest, ARepetitionIsAnsweredLikeTheFirst) {
  ASSERT_TRUE(Delete("acme").ok());
  v1::PurgeAccountResponse first;
  ASSERT_TRUE(Purge("acme", &first, "one").ok());
  v1::PurgeAccountResponse second;
  ASSERT_TRUE(Purge("acme", &second, "one").ok());
  EXPECT_EQ(second.revision(), first.revision());
  CreateAccount("acme");
  ASSERT_TRUE(Purge("acme", &second, "one").ok());
  EXPECT_EQ(second.revision(), first.revision());
  v1::Account account;
  EXPECT_TRUE(Get("acme", &account).ok()) << "the new one stays";
}

TEST_F(PurgeTest, TheFeedHasOneTombstoneThatSaysPurged) {
  CreateAccount("zeta");
  ASSERT_TRUE(Delete("acme").ok());
  v1::PurgeAccountResponse purged;
  ASSERT_TRUE(Purge("acme", &purged).ok());
  // A new account does not take the place of the tombstone.
  CreateAccount("eta");
  CreateAccount("acme");
  v1::WatchFactsRequest request;
  Call call;
  const auto stream = facts_->WatchFacts(&call.context, request);
  std::vector<v1::PackedFacts> rows;
  v1::WatchFactsResponse message;
  while (stream->Read(&message)) {
    rows.insert(rows.end(), message.rows().begin(), message.rows().end());
    if (message.caught_up()) break;
  }
  call.context.TryCancel();
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].account_id(), "zeta");
  EXPECT_EQ(rows[1].account_id(), "acme");
  EXPECT_EQ(rows[1].revision(), purged.revision());
  EXPECT_TRUE(rows[1].deleted());
  EXPECT_TRUE(rows[1].purged());
  EXPECT_EQ(rows[2].account_id(), "eta");
  EXPECT_EQ(rows[3].account_id(), "acme");
  EXPECT_FALSE(rows[3].deleted());
}

TEST_F(PurgeTest, FollowersOfTasksHearThatAllOfThemAreGone) {
  ASSERT_TRUE(Add(TaskOf("call")).ok());
  ASSERT_TRUE(Add(TaskOf("write")).ok());
  ASSERT_TRUE(Delete("acme").ok());
  ASSERT_TRUE(Purge("acme").ok());
  CreateAccount("acme");
  v1::Task task;
  ASSERT_TRUE(Add(TaskOf("call"), &task).ok());
  EXPECT_EQ(task.revision(), 6) << "revisions are not given out again";
  v1::WatchTasksRequest request;
  request.set_start_revision(2);
  Call call;
  const auto stream = tasks_->WatchTasks(&call.context, request);
  v1::WatchTasksResponse message;
  ASSERT_TRUE(stream->Read(&message));
  call.context.TryCancel();
  ASSERT_EQ(message.tasks_size(), 2);
  EXPECT_EQ(message.tasks(0).name(), "accounts/acme/tasks/-");
  EXPECT_TRUE(message.tasks(0).has_delete_time());
  EXPECT_EQ(message.tasks(0).revision(), 5);
  EXPECT_EQ(message.tasks(1).name(), "accounts/acme/tasks/call");
}

class PurgeStoreTest : public StoreTest {
 protected:
  bool PurgeSome(AccountNo no, int limit) {
    bool more = false;
    Write([&](WriteTransaction& transaction) -> absl::Status {
      const auto some = transaction.PurgeSome(no, limit);
      if (some.ok()) more = *some;
      return some.status();
    });
    return more;
  }
  std::vector<AccountNo> Purges() {
    return Read([](ReadTransaction& transaction) { return transaction.ListPurges(); });
  }
};

TEST_P(PurgeStoreTest, WhatIsMuchIsErasedInStepsThatARestartDoesNotLose) {
  const AccountNo no = Insert("acme");
  const AccountNo other = Insert("other");
  Write([&](WriteTransaction& transaction) -> absl::Status {
    const auto metric = transaction.MetricNo("logins", At("2024-01-01T00:00:00Z"));
    if (!metric.ok()) return metric.status();
    for (int i = 0; i < 25; ++i) {
      UsageEvent event;
      event.record_id = absl::StrCat("r", i);
      event.metric = *metric;
      event.time = At("2024-01-01T00:00:00Z") + absl::Hours(24 * i);
      event.user = "ann";
      for (const AccountNo account : {no, other}) {
        if (const absl::Status put = transaction.InsertUsage(account, event); !put.ok()) return put;
      }
    }
    return absl::OkStatus();
  });
  const auto count = [&](AccountNo account) {
    return Read([&](ReadTransaction& transaction) { return transaction.CountRecords(account); });
  };
  EXPECT_EQ(count(no), 25);
  const AccountRecord account = *Find("acme");
  Write([&](WriteTransaction& transaction) { return transaction.BeginPurge(account, absl::UnixEpoch()).status(); });
  EXPECT_EQ(Find("acme"), std::nullopt);
  EXPECT_EQ(Purges(), std::vector<AccountNo>{no});
  EXPECT_TRUE(PurgeSome(no, 10));
  EXPECT_EQ(count(no), 15);
  Open();
  EXPECT_EQ(Purges(), std::vector<AccountNo>{no});
  int steps = 1;
  while (PurgeSome(no, 10)) ++steps;
  EXPECT_GE(steps, 7) << "events, users and days of use";
  EXPECT_TRUE(Purges().empty());
  EXPECT_EQ(count(no), 0);
  EXPECT_EQ(count(other), 25);
  EXPECT_NE(Insert("new"), no);
}

INSTANTIATE_TEST_SUITE_P(All, PurgeStoreTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace perennial::accounts::testing
