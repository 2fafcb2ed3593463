// Facts that follow new use from memory: the same bytes as from the history, whatever happens in between.
#include <functional>
#include <random>

#include "absl/strings/str_cat.h"
#include "accounts-svc/facts_writer.h"
#include "accounts-svc/use_state_codec.h"
#include "accounts-svc/store/sql_store.h"
#include "common/facts/packed_facts.h"
#include "perennial/accounts/v1/goal.pb.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

constexpr int kAccounts = 5;
constexpr int kKeepers = 5;
constexpr const char* kMetrics[] = {"logins", "hours", "exports"};

// A hook that lets a commit fail when all of it is done.
class FailingHook final : public CommitHook {
 public:
  explicit FailingHook(CommitHook& hook) : hook_(hook) {}
  bool fail = false;

  absl::Status BeforeWrites(ReadTransaction& transaction) override { return hook_.BeforeWrites(transaction); }
  absl::Status BeforeCommit(WriteTransaction& transaction, const std::set<AccountNo>& touched) override {
    const absl::Status status = hook_.BeforeCommit(transaction, touched);
    return fail && status.ok() ? absl::AbortedError("on purpose") : status;
  }
  void AfterCommit(std::int64_t revision) override { hook_.AfterCommit(revision); }
  absl::Status BeforeUse(ReadTransaction& transaction, const std::vector<AccountNo>& accounts) override {
    return hook_.BeforeUse(transaction, accounts);
  }
  [[nodiscard]] bool KnowsUse(AccountNo no, std::int64_t metric, std::int64_t day) const override {
    return hook_.KnowsUse(no, metric, day);
  }
  [[nodiscard]] bool KnowsUser(AccountNo no, std::int64_t metric, std::int64_t day,
                               absl::string_view user) const override {
    return hook_.KnowsUser(no, metric, day, user);
  }

 private:
  CommitHook& hook_;
};

// A store whose commits compute facts, with so much memory for accounts.
class Keeper {
 public:
  Keeper(const Clock& clock, FactsWriter::Memory memory, const std::string& folder = "")
      : writer_(numbering_, clock, [] {}, memory), hook_(writer_) {
    EXPECT_TRUE(numbering_.AddAll(FixedFactDefinitions("USD")).ok());
    store_ = SqlStore::OpenSqlite((folder.empty() ? folder_.path() : folder) + "/accounts.db").value();
    store_->SetCommitHook(hook_);
  }

  absl::Status Write(bool fail, const std::function<absl::Status(WriteTransaction&)>& body) {
    hook_.fail = fail;
    return store_->Write(body).status();
  }
  // Stored facts by account, and which accounts are due when.
  std::vector<std::string> Stored(absl::Time now) {
    std::vector<std::string> stored;
    Read([&](ReadTransaction& transaction) {
      for (AccountNo no = 1; no <= kAccounts; ++no) {
        const auto row = transaction.FindFacts(no).value();
        stored.push_back(row.has_value() ? row->payload : "none");
      }
      for (const absl::Duration ahead : {absl::ZeroDuration(), absl::Hours(1), absl::Hours(25)}) {
        const std::vector<AccountNo> due = transaction.ListDue(now + ahead, 100).value();
        for (const AccountNo no : due) stored.push_back(absl::StrCat("due ", no));
      }
    });
    return stored;
  }
  // How many accounts have a state of use in the store.
  int States() {
    int states = 0;
    Read([&](ReadTransaction& transaction) {
      states = static_cast<int>(transaction.ListKeptFacts({1, 2, 3, 4, 5}).value().size());
    });
    return states;
  }
  // The facts of an account as its history gives them.
  std::string FromHistory(AccountNo no, absl::Time now) {
    std::string payload;
    Read([&](ReadTransaction& transaction) {
      const AccountRecord account = *transaction.FindAccountByNo(no).value();
      const Computed computed = ComputeFacts(transaction.LoadHistory(account, now).value(),
                                             transaction.ListMetrics().value(), now, numbering_).value();
      v1::PackedFacts packed;
      facts::Pack(numbering_.ToStored(computed.facts), &packed);
      payload = packed.SerializeAsString();
    });
    return payload;
  }

 private:
  void Read(const std::function<void(ReadTransaction&)>& body) {
    EXPECT_TRUE(store_->Read([&](ReadTransaction& transaction) { return body(transaction), absl::OkStatus(); }).ok());
  }

  TempFolder folder_;
  FactNumbering numbering_;
  FactsWriter writer_;
  FailingHook hook_;
  std::unique_ptr<SqlStore> store_;
};

class WarmFactsTest : public ::testing::TestWithParam<unsigned> {
 protected:
  using Body = std::function<absl::Status(WriteTransaction&)>;

  void SetUp() override {
    random_.seed(GetParam());
    for (AccountNo no = 1; no <= kAccounts; ++no) Do(no, [this](WriteTransaction& transaction) { return Create(transaction); });
  }

  int UpTo(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most + 1)); }

  // For people: where the facts of an account differ, or the accounts that are due.
  static std::string FirstDifference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      if (a[i] == b[i]) continue;
      return i < kAccounts ? absl::StrCat("facts of account ", i + 1) : absl::StrCat(a[i], " but ", b[i]);
    }
    return a.size() == b.size() ? "" : absl::StrCat(a.size(), " entries but ", b.size());
  }

  // Does the same in all stores and compares them.
  void Do(AccountNo no, const Body& body) {
    const bool fail = created_ > kKeepers * kAccounts && UpTo(9) == 0;
    // What is random in `body` must come out the same for each.
    const std::mt19937 random = random_;
    std::vector<absl::Status> results;
    for (Keeper* keeper : {&cold_, &warm_, &tight_, &stored_, &shared_}) {
      random_ = random;
      results.push_back(keeper->Write(fail, body));
      ASSERT_EQ(results[0], results.back());
    }
    if (!results[0].ok()) return;
    const std::string expected = warm_.FromHistory(no, clock_.Now());
    const std::vector<std::string> cold = cold_.Stored(clock_.Now());
    // Bytes tell people nothing: no EXPECT_EQ.
    ASSERT_TRUE(cold[static_cast<std::size_t>(no - 1)] == expected) << "account " << no;
    for (Keeper* keeper : {&warm_, &tight_, &stored_, &shared_}) {
      ASSERT_EQ(FirstDifference(keeper->Stored(clock_.Now()), cold), "") << "account " << no;
    }
  }

  absl::Status Create(WriteTransaction& transaction) {
    AccountRecord account{.id = absl::StrCat("a", ++created_ / kKeepers),
                          .customer_since = At("2024-01-01T00:00:00Z"),
                          .create_time = clock_.Now(),
                          .update_time = clock_.Now()};
    EXPECT_TRUE(transaction.InsertAccount(account).ok());
    transaction.Touch(account.no);
    return transaction.PutAccountVersion(account.no, account.customer_since, account.state);
  }

  UsageEvent RandomUse() {
    UsageEvent event{.record_id = absl::StrCat("e", UpTo(100'000)), .time = clock_.Now(), .value = UpTo(3) * 1.0};
    switch (UpTo(7)) {
      case 0: event.time -= absl::Hours(UpTo(2400)); break;
      case 1: event.time -= absl::Minutes(UpTo(700)); break;
      case 2: event.time += absl::Minutes(UpTo(1400)); break;
      default: event.time -= absl::Seconds(UpTo(3)); break;
    }
    if (UpTo(4) == 0) event.value = UpTo(100) / 10.0;
    if (UpTo(2) != 0) event.user = absl::StrCat("user", UpTo(6));
    return event;
  }

  absl::Status AddUse(WriteTransaction& transaction, AccountNo no) {
    for (int i = 1 + UpTo(4); i > 0; --i) {
      UsageEvent event = RandomUse();
      event.metric = transaction.MetricNo(kMetrics[UpTo(2)], event.time).value();
      const absl::Status status = transaction.InsertUsage(no, event);
      if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
    }
    return UpTo(9) == 0 ? absl::AbortedError("on purpose") : absl::OkStatus();
  }

  // Corrects or deletes an event of the account, if it has any, maybe after more use in the same write.
  absl::Status Correct(WriteTransaction& transaction, AccountNo no) {
    if (UpTo(1) == 0) {
      if (const absl::Status status = AddUse(transaction, no); !status.ok()) return status;
    }
    const auto events = transaction.ListUsage(no, "", 10'000).value();
    if (events.empty()) return absl::OkStatus();
    UsageEvent event = events[static_cast<std::size_t>(UpTo(static_cast<int>(events.size()) - 1))];
    event.value = UpTo(50) / 8.0;
    event.deleted = UpTo(2) == 0;
    transaction.Touch(no);
    if (const absl::Status status = transaction.ReplaceUsage(no, event); !status.ok()) return status;
    return UpTo(1) == 0 ? AddUse(transaction, no) : absl::OkStatus();
  }

  absl::Status PutGoal(WriteTransaction& transaction, AccountNo no) {
    v1::Goal goal;
    goal.set_fact(UpTo(1) == 0 ? "usage.breadth_30d" : "usage.days_since_last");
    goal.set_start_value(0);
    goal.set_target_value(UpTo(4) / 4.0 + 0.5);
    goal.set_state(v1::GOAL_STATE_ACTIVE);
    SetTimestamp(clock_.Now() + absl::Hours(UpTo(40)), goal.mutable_due_time());
    transaction.Touch(no);
    return transaction.PutCare(no, CareKind::kGoal,
                               {.id = absl::StrCat("g", UpTo(1'000'000)), .payload = goal.SerializeAsString(),
                                .create_time = clock_.Now(), .update_time = clock_.Now(), .effective = clock_.Now()});
  }

  absl::Status PutSubscription(WriteTransaction& transaction, AccountNo no) {
    const std::string id = absl::StrCat("s", UpTo(2));
    SubscriptionState state{.seats = UpTo(4), .mrr = UpTo(3) * 1'000'000};
    if (UpTo(2) == 0) state.end = clock_.Now() + absl::Minutes(UpTo(3000));
    transaction.Touch(no);
    SubscriptionRecord subscription{.id = id, .start = At("2024-02-01T00:00:00Z"), .create_time = clock_.Now(),
                                    .update_time = clock_.Now()};
    if (const absl::Status status = transaction.PutSubscription(no, subscription); !status.ok()) return status;
    return transaction.PutSubscriptionVersion(no, id, clock_.Now(), state);
  }

  void Step() {
    const AccountNo no = 1 + UpTo(kAccounts - 1);
    switch (UpTo(19)) {
      case 0: return Do(no, [=, this](WriteTransaction& transaction) { return PutGoal(transaction, no); });
      case 1: return Do(no, [=, this](WriteTransaction& transaction) { return PutSubscription(transaction, no); });
      case 2: return Do(no, [=, this](WriteTransaction& transaction) { return Correct(transaction, no); });
      case 3: clock_.Advance(absl::Hours(UpTo(30))); break;
      case 4: clock_.Advance(absl::Minutes(UpTo(90))); break;
      default: clock_.Advance(absl::Milliseconds(UpTo(2000))); break;
    }
    Do(no, [=, this](WriteTransaction& transaction) { return AddUse(transaction, no); });
  }

  TestClock clock_{At("2024-06-30T09:00:00Z")};
  Keeper cold_{clock_, {}};
  Keeper warm_{clock_, {.bytes = std::size_t{16} << 20}};
  Keeper tight_{clock_, {.bytes = 4000}};  // room for one or two accounts
  Keeper stored_{clock_, {.bytes = 4000, .many_accounts = 1}};
  Keeper shared_{clock_, {.bytes = std::size_t{16} << 20, .shared = true}};
  std::mt19937 random_;
  int created_ = kKeepers - 1;
};

INSTANTIATE_TEST_SUITE_P(Seeds, WarmFactsTest, ::testing::Range(1U, 5U));

TEST_P(WarmFactsTest, AreTheSameAsFromTheHistoryAfterEveryCommit) {
  for (int step = 0; step < 200; ++step) {
    ASSERT_NO_FATAL_FAILURE(Step()) << "step " << step << " at " << absl::FormatTime(clock_.Now(), absl::UTCTimeZone());
  }
  for (Keeper* keeper : {&cold_, &warm_, &tight_}) EXPECT_EQ(keeper->States(), 0);
  for (Keeper* keeper : {&stored_, &shared_}) EXPECT_GT(keeper->States(), 0);
}

// A store that was filled by a shared server and is opened by one that keeps states in memory alone.
TEST(UseStateTest, OneThatIsStoredIsTakenAwayOnceItIsNotKeptUpToDate) {
  const TempFolder folder;
  TestClock clock(At("2024-06-30T09:00:00Z"));
  const auto use = [&](const FactsWriter::Memory& memory, const std::string& id, double value) {
    Keeper keeper(clock, memory, folder.path());
    EXPECT_TRUE(keeper.Write(false, [&](WriteTransaction& transaction) -> absl::Status {
                  if (!transaction.FindAccountByNo(1).value().has_value()) {
                    AccountRecord account{.id = "a", .customer_since = clock.Now(), .create_time = clock.Now(),
                                          .update_time = clock.Now()};
                    EXPECT_TRUE(transaction.InsertAccount(account).ok());
                    transaction.Touch(account.no);
                    EXPECT_TRUE(transaction.PutAccountVersion(account.no, clock.Now(), {}).ok());
                  }
                  UsageEvent event{.record_id = id, .time = clock.Now(), .value = value};
                  event.metric = transaction.MetricNo("logins", event.time).value();
                  return transaction.InsertUsage(1, event);
                }).ok());
    return keeper.States();
  };
  EXPECT_EQ(use({.bytes = 1 << 20, .shared = true}, "1", 1), 1);
  EXPECT_EQ(use({.bytes = 1 << 20, .shared = true}, "2", 2), 1);
  EXPECT_EQ(use({.bytes = 1 << 20}, "3", 0), 0) << "also where no fact changes";
}

TEST(UseStateTest, IsTheSameAfterItWasStoredAndNeverHalfOfOne) {
  AccountHistory history;
  history.last_event_time = At("2024-06-30T08:00:00Z");
  history.last_event_id = "e1";
  history.usage = {{.metric = 1, .day = 19800, .sum = 0.1},
                   {.metric = 1, .day = 19903, .sum = -0.0},
                   {.metric = 7, .day = 19904, .sum = 1e300}};
  history.last_use = {{.metric = 1, .day = 19700}};
  history.users = {{.metric = 7, .day = 19904, .user = "ann"},
                   {.metric = 1, .day = 19890, .user = std::string("b\0b", 3)}};
  history.users_seen = true;
  WarmAccount account{.as_of = At("2024-06-30T09:00:00.000001Z"),
                            .next_change = absl::InfiniteFuture(),
                            .usage = UsageState(history, 19904),
                            .context = {.seats = 2.5, .heard = true, .goals = {}}};
  account.context.goals.push_back(
      {.id = "g", .fact = "mrr", .start = -1, .target = 2, .due = At("2024-07-01T00:00:00Z")});
  account.context.goals.push_back({.id = "h", .current = 0.5});
  const std::string bytes = EncodeUseState(account, 3);
  ASSERT_FALSE(bytes.empty());
  WarmAccount again;
  ASSERT_TRUE(DecodeUseState(bytes, 3, again));
  EXPECT_EQ(again.as_of, account.as_of);
  EXPECT_EQ(again.next_change, absl::InfiniteFuture());
  EXPECT_EQ(again.usage.Find(7)->today, 1e300);
  EXPECT_EQ(again.usage.Find(1)->before_30d, account.usage.Find(1)->before_30d);
  EXPECT_TRUE(again.usage.KnowsUser(1, 19890, absl::string_view("b\0b", 3)));
  EXPECT_FALSE(again.usage.KnowsUser(7, 19890, "ann"));
  EXPECT_EQ(again.context.seats, 2.5);
  ASSERT_EQ(again.context.goals.size(), 2U);
  EXPECT_EQ(again.context.goals[0].due, At("2024-07-01T00:00:00Z"));
  EXPECT_EQ(again.context.goals[1].current, 0.5);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(DecodeUseState(bytes.substr(0, size), 3, again));
  EXPECT_FALSE(DecodeUseState(bytes + "x", 3, again));
  EXPECT_FALSE(DecodeUseState(bytes, 4, again)) << "one of other rules";
}

TEST(UseStateTest, OfVeryManyUsersIsNotStored) {
  AccountHistory history;
  for (int i = 0; i < 500; ++i) history.users.push_back({.metric = 1, .day = 19904, .user = absl::StrCat("user", i)});
  const WarmAccount account{.as_of = At("2024-06-30T09:00:00Z"),
                            .next_change = absl::InfiniteFuture(),
                            .usage = UsageState(history, 19904)};
  EXPECT_EQ(EncodeUseState(account, 1), "");
}

TEST(WarmAccountsTest, TheOneUsedLeastRecentlyMakesRoom) {
  WarmAccounts accounts(3 * (sizeof(WarmAccount) + 1200));
  for (AccountNo no = 1; no <= 3; ++no) accounts.Put(no, {.payload = std::string(1000, 'x'), .as_of = {}, .next_change = {}});
  ASSERT_EQ(accounts.size(), 3U);
  EXPECT_NE(accounts.Find(1), nullptr);
  accounts.Put(4, {.payload = std::string(1000, 'x'), .as_of = {}, .next_change = {}});
  EXPECT_EQ(accounts.Peek(2), nullptr);
  EXPECT_NE(accounts.Peek(1), nullptr);
  accounts.Erase(1);
  accounts.Clear();
  EXPECT_EQ(accounts.bytes(), 0U);
}

TEST(WarmAccountsTest, OneThatIsGreaterThanTheRoomIsNotKept) {
  WarmAccounts accounts(1000);
  accounts.Put(1, {.payload = std::string(2000, 'x'), .as_of = {}, .next_change = {}});
  EXPECT_EQ(accounts.size(), 0U);
  EXPECT_EQ(accounts.bytes(), 0U);
}

}  // namespace
}  // namespace perennial::accounts::testing
