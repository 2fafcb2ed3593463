// Accounts and subscriptions in a store.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

using AccountStoreTest = StoreTest;

INSTANTIATE_TEST_SUITE_P(All, AccountStoreTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

std::vector<std::string> IdsOf(const std::vector<AccountRecord>& accounts) {
  std::vector<std::string> ids;
  for (const AccountRecord& account : accounts) ids.push_back(account.id);
  return ids;
}

TEST_P(AccountStoreTest, FindsWhatWasInserted) {
  AccountRecord account = Account("acme");
  account.state = {
      .display_name = "Acme",
      .parent = "holding",
      .owner = "ann",
      .tags = {"a", "b"},
      .attributes = {{"size", 3.5}, {"kind", std::string("x")}, {"vip", false}, {"at", At("2020-02-03T04:05:06Z")}}};
  account.delete_time = At("2024-05-05T00:00:00.000001Z");
  account.version = 7;
  const AccountNo no = Insert(account);
  const auto found = Find("acme");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->no, no);
  EXPECT_EQ(found->state, account.state);
  EXPECT_EQ(found->customer_since, account.customer_since);
  EXPECT_EQ(found->create_time, account.create_time);
  EXPECT_EQ(found->update_time, account.update_time);
  EXPECT_EQ(found->delete_time, account.delete_time);
  EXPECT_EQ(found->version, 7);
  const auto by_no = Read([&](ReadTransaction& transaction) { return transaction.FindAccountByNo(no); });
  EXPECT_EQ(by_no->id, "acme");
}

TEST_P(AccountStoreTest, AnUnknownAccountIsNothingAndNoError) {
  EXPECT_EQ(Find("nobody"), std::nullopt);
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.FindAccountByNo(99); }), std::nullopt);
}

TEST_P(AccountStoreTest, TheFirstOfTwoInsertsStays) {
  Insert("acme");
  AccountRecord second = Account("acme");
  second.state.display_name = "Other";
  const auto status =
      store_->Write([&](WriteTransaction& transaction) { return transaction.InsertAccount(second); }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Find("acme")->state.display_name, "The acme");
}

TEST_P(AccountStoreTest, IdsThatDifferByCaseAreDifferent) {
  Insert("acme");
  Insert("ACME");
  EXPECT_EQ(Find("acme")->id, "acme");
  EXPECT_EQ(Find("ACME")->id, "ACME");
  EXPECT_EQ(Find("Acme"), std::nullopt);
}

TEST_P(AccountStoreTest, TextsAreDataAndNeverSql) {
  const std::string text = "'; DROP TABLE accounts; --\" \\ %_ ? :a $1";
  AccountRecord account = Account("acme");
  account.state.display_name = text;
  account.state.owner = text;
  Insert(account);
  EXPECT_EQ(Find("acme")->state.display_name, text);
  EXPECT_EQ(Find("acme")->state.owner, text);
  EXPECT_EQ(Find(text), std::nullopt);
}

TEST_P(AccountStoreTest, UnicodeComesBackByteForByte) {
  const std::string text = "Žluťoučký 客户 🚀 e\u0301";
  AccountRecord account = Account("acme");
  account.state.display_name = text;
  account.state.tags = {"ß", "客户"};
  Insert(account);
  EXPECT_EQ(Find("acme")->state.display_name, text);
  EXPECT_EQ(Find("acme")->state.tags, account.state.tags);
}

TEST_P(AccountStoreTest, UpdateStoresEverythingButTheState) {
  Insert("acme");
  AccountRecord account = *Find("acme");
  account.state.display_name = "ignored";
  account.customer_since = At("2021-01-01T00:00:00Z");
  account.update_time = At("2024-02-01T00:00:00Z");
  account.delete_time = At("2024-03-01T00:00:00Z");
  account.version = 2;
  Write([&](WriteTransaction& transaction) { return transaction.UpdateAccount(account); });
  const auto found = Find("acme");
  EXPECT_EQ(found->state.display_name, "The acme");
  EXPECT_EQ(found->customer_since, account.customer_since);
  EXPECT_EQ(found->update_time, account.update_time);
  EXPECT_EQ(found->delete_time, account.delete_time);
  EXPECT_EQ(found->version, 2);
}

TEST_P(AccountStoreTest, TheLatestVersionIsThePresentStateWhateverOrderVersionsCameIn) {
  const AccountNo no = Insert("acme");
  const auto put = [&](absl::string_view time, const std::string& name) {
    Write([&](WriteTransaction& transaction) {
      return transaction.PutAccountVersion(no, At(time), {.display_name = name});
    });
  };
  put("2024-03-01T00:00:00Z", "March");
  put("2024-02-01T00:00:00Z", "February");
  EXPECT_EQ(Find("acme")->state.display_name, "March");
  const auto as_of = [&](absl::string_view time) {
    const auto state = Read([&](ReadTransaction& transaction) { return transaction.FindAccountState(no, At(time)); });
    return state.has_value() ? state->display_name : "nothing";
  };
  EXPECT_EQ(as_of("2022-12-31T23:59:59Z"), "nothing");
  EXPECT_EQ(as_of("2024-01-31T23:59:59.999999Z"), "The acme");
  EXPECT_EQ(as_of("2024-02-01T00:00:00Z"), "February");
  EXPECT_EQ(as_of("2024-12-01T00:00:00Z"), "March");
  const auto versions = Read([&](ReadTransaction& transaction) { return transaction.ListAccountVersions(no); });
  ASSERT_EQ(versions.size(), 3U);
  EXPECT_EQ(versions[1].effective, At("2024-02-01T00:00:00Z"));
  EXPECT_EQ(versions[1].state.display_name, "February");
}

TEST_P(AccountStoreTest, AVersionAtTheSameMomentReplacesTheOther) {
  const AccountNo no = Insert("acme");
  for (const char* name : {"one", "two"}) {
    Write([&](WriteTransaction& transaction) {
      return transaction.PutAccountVersion(no, At("2024-03-01T00:00:00Z"), {.display_name = name});
    });
  }
  EXPECT_EQ(Find("acme")->state.display_name, "two");
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.ListAccountVersions(no); }).size(), 2U);
}

TEST_P(AccountStoreTest, ListsInEveryOrderBothWays) {
  const auto insert = [&](const std::string& id, const std::string& name, absl::string_view created) {
    AccountRecord account = Account(id);
    account.state.display_name = name;
    account.create_time = At(created);
    Insert(account);
  };
  insert("a", "Zeta", "2024-01-02T00:00:00Z");
  insert("b", "Alpha", "2024-01-03T00:00:00Z");
  insert("c", "Zeta", "2024-01-01T00:00:00Z");
  const auto list = [&](AccountOrder order, bool descending) {
    return IdsOf(Read([&](ReadTransaction& transaction) {
      return transaction.ListAccounts({.order = order, .descending = descending});
    }));
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(list(AccountOrder::kId, false), (Ids{"a", "b", "c"}));
  EXPECT_EQ(list(AccountOrder::kId, true), (Ids{"c", "b", "a"}));
  EXPECT_EQ(list(AccountOrder::kDisplayName, false), (Ids{"b", "a", "c"}));
  EXPECT_EQ(list(AccountOrder::kDisplayName, true), (Ids{"c", "a", "b"}));
  EXPECT_EQ(list(AccountOrder::kCreateTime, false), (Ids{"c", "a", "b"}));
  EXPECT_EQ(list(AccountOrder::kCreateTime, true), (Ids{"b", "a", "c"}));
}

TEST_P(AccountStoreTest, PagesSeeEveryAccountOnceWhileOthersAreAdded) {
  for (int i = 0; i < 20; ++i) Insert(absl::StrCat("m", 10 + i));
  AccountQuery query{.limit = 7};
  std::vector<std::string> seen;
  for (int page = 0;; ++page) {
    const auto accounts = Read([&](ReadTransaction& transaction) { return transaction.ListAccounts(query); });
    for (const std::string& id : IdsOf(accounts)) seen.push_back(id);
    if (accounts.size() < 7) break;
    query.after_id = query.after_key = accounts.back().id;
    Insert(absl::StrCat("a", page));  // before what was read: not seen
    Insert(absl::StrCat("z", page));  // after it: seen
  }
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) expected.push_back(absl::StrCat("m", 10 + i));
  expected.insert(expected.end(), {"z0", "z1", "z2"});
  EXPECT_EQ(seen, expected);
}

TEST_P(AccountStoreTest, PagesByTextAndTimeBreakTiesById) {
  for (const char* id : {"a", "b", "c", "d"}) {
    AccountRecord account = Account(id);
    account.state.display_name = "Same/name";
    Insert(account);
  }
  for (const auto order : {AccountOrder::kDisplayName, AccountOrder::kCreateTime}) {
    const std::string key = order == AccountOrder::kDisplayName
                                ? "Same/name"
                                : absl::StrCat(absl::ToUnixMicros(At("2024-01-01T00:00:00Z")));
    const auto rest = Read([&](ReadTransaction& transaction) {
      return transaction.ListAccounts({.order = order, .after_key = key, .after_id = "b"});
    });
    EXPECT_EQ(IdsOf(rest), (std::vector<std::string>{"c", "d"}));
  }
}

TEST_P(AccountStoreTest, DeletedAccountsAreListedOnlyWhenAskedForAndHaveNoTurnInASweep) {
  const AccountNo kept = Insert("kept");
  AccountRecord gone = Account("gone");
  gone.delete_time = At("2024-01-02T00:00:00Z");
  Insert(gone);
  const auto list = [&](bool deleted) {
    return IdsOf(
        Read([&](ReadTransaction& transaction) { return transaction.ListAccounts({.show_deleted = deleted}); }));
  };
  EXPECT_EQ(list(false), std::vector<std::string>{"kept"});
  EXPECT_EQ(list(true), (std::vector<std::string>{"gone", "kept"}));
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.ListAccountNos(0, 10); }),
            std::vector<AccountNo>{kept});
  EXPECT_TRUE(Read([&](ReadTransaction& transaction) { return transaction.ListAccountNos(kept, 10); }).empty());
}

TEST_P(AccountStoreTest, SubscriptionsKeepEveryVersion) {
  const AccountNo no = Insert("acme");
  const SubscriptionRecord record{.id = "s",
                                  .start = At("2024-01-05T00:00:00Z"),
                                  .create_time = At("2024-01-04T00:00:00Z"),
                                  .update_time = At("2024-01-06T00:00:00Z"),
                                  .version = 3};
  const SubscriptionState first{
      .plan = "basic", .seats = 4, .mrr = 1'500'000, .trial = true, .trial_end = At("2024-01-19T00:00:00Z")};
  const SubscriptionState second{.plan = "pro",
                                 .seats = 5,
                                 .mrr = 2,
                                 .end = At("2025-01-01T00:00:00Z"),
                                 .renewal = At("2024-12-01T00:00:00Z"),
                                 .auto_renew = true};
  Write([&](WriteTransaction& transaction) -> absl::Status {
    EXPECT_TRUE(transaction.PutSubscription(no, record).ok());
    EXPECT_TRUE(transaction.PutSubscriptionVersion(no, "s", At("2024-02-01T00:00:00Z"), second).ok());
    return transaction.PutSubscriptionVersion(no, "s", At("2024-01-05T00:00:00Z"), first);
  });
  const auto found = Read([&](ReadTransaction& transaction) { return transaction.FindSubscription(no, "s"); });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->state, second);
  EXPECT_EQ(found->start, record.start);
  EXPECT_EQ(found->create_time, record.create_time);
  EXPECT_EQ(found->update_time, record.update_time);
  EXPECT_EQ(found->version, 3);
  const auto as_of = [&](absl::string_view time) {
    return Read([&](ReadTransaction& transaction) { return transaction.FindSubscriptionState(no, "s", At(time)); });
  };
  EXPECT_EQ(as_of("2024-01-04T23:59:59Z"), std::nullopt);
  EXPECT_EQ(as_of("2024-01-31T23:59:59Z"), first);
  EXPECT_EQ(as_of("2024-02-01T00:00:00Z"), second);
  const auto versions =
      Read([&](ReadTransaction& transaction) { return transaction.ListSubscriptionVersions(no, "s"); });
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].state, first);
  EXPECT_EQ(versions[1].effective, At("2024-02-01T00:00:00Z"));
  EXPECT_EQ(versions[1].start, record.start);
}

TEST_P(AccountStoreTest, SubscriptionsBelongToTheirAccountAndArePagedById) {
  const AccountNo acme = Insert("acme");
  const AccountNo other = Insert("other");
  for (const AccountNo no : {acme, other}) {
    for (const char* id : {"b", "a", "B"}) {
      Write([&](WriteTransaction& transaction) -> absl::Status {
        EXPECT_TRUE(transaction.PutSubscription(no, Subscription(id, absl::UnixEpoch())).ok());
        return transaction.PutSubscriptionVersion(no, id, absl::UnixEpoch(), {.plan = absl::StrCat(id, no)});
      });
    }
  }
  const auto list = [&](absl::string_view after, int limit) {
    std::vector<std::string> plans;
    for (const auto& subscription :
         Read([&](ReadTransaction& transaction) { return transaction.ListSubscriptions(acme, after, limit); })) {
      plans.push_back(subscription.state.plan);
    }
    return plans;
  };
  EXPECT_EQ(list("", 2), (std::vector<std::string>{absl::StrCat("B", acme), absl::StrCat("a", acme)}));
  EXPECT_EQ(list("a", 2), std::vector<std::string>{absl::StrCat("b", acme)});
}

TEST_P(AccountStoreTest, PhasesAndMovementsAreReplacedWhole) {
  const AccountNo no = Insert("acme");
  const AccountNo other = Insert("zeta");
  const std::vector<PhaseChange> phases = {{Phase::kTrial, At("2024-01-01T00:00:00Z"), "a"},
                                           {Phase::kOnboarding, At("2024-01-01T00:00:00Z"), "b"}};
  const Movement early{MovementKind::kNew, At("2024-01-01T00:00:00Z"), 10, 10};
  const Movement late{MovementKind::kChurn, At("2024-02-01T00:00:00Z"), -10, 0};
  const auto put = [&](AccountNo account, const std::string& id, const std::vector<Movement>& movements) {
    Write([&](WriteTransaction& transaction) -> absl::Status {
      EXPECT_TRUE(transaction.ReplacePhases(account, phases).ok());
      return transaction.ReplaceMovements(account, id, movements);
    });
  };
  put(no, "acme", {early});
  put(no, "acme", {early, late});
  put(other, "zeta", {early});
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.ListPhaseChanges(no); }), phases);
  const auto list = [&](const MovementQuery& query) {
    std::vector<std::string> found;
    for (const auto& [id, movement] :
         Read([&](ReadTransaction& transaction) { return transaction.ListMovements(query); })) {
      found.push_back(absl::StrCat(id, movement.amount));
    }
    return found;
  };
  using Found = std::vector<std::string>;
  EXPECT_EQ(list({}), (Found{"acme10", "zeta10", "acme-10"}));
  EXPECT_EQ(list({.limit = -1}), (Found{"acme10", "zeta10", "acme-10"}));
  EXPECT_EQ(list({.account = no}), (Found{"acme10", "acme-10"}));
  EXPECT_EQ(list({.begin = late.time}), (Found{"acme-10"}));
  EXPECT_EQ(list({.end = late.time}), (Found{"acme10", "zeta10"}));
  EXPECT_EQ(list({.after_time = early.time, .after_id = "acme"}), (Found{"zeta10", "acme-10"}));
  EXPECT_EQ(list({.limit = 1}), (Found{"acme10"}));
}

}  // namespace
}  // namespace perennial::accounts::testing
