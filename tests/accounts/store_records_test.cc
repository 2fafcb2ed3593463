// Records, usage, the feed and what histories are made of them.
#include "perennial/accounts/v1/record.pb.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

namespace v1 = perennial::accounts::v1;

class RecordStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    no_ = Insert("acme");
  }
  std::int64_t PutUsage(const std::string& id, const std::string& metric, absl::string_view time, double value,
                        const std::string& user = "") {
    return Write([&](WriteTransaction& transaction) -> absl::Status {
      const auto number = transaction.MetricNo(metric, At(time));
      EXPECT_TRUE(number.ok()) << number.status();
      return transaction.InsertUsage(
          no_, {.record_id = id, .metric = *number, .time = At(time), .value = value, .user = user});
    });
  }
  // A state of a ticket that was opened at `opened`.
  void PutTicket(absl::string_view opened, absl::string_view updated, v1::TicketPriority priority,
                 absl::string_view resolved = "") {
    v1::Record record;
    SetTimestamp(At(opened), record.mutable_event_time());
    SetTimestamp(At(updated), record.mutable_ticket()->mutable_update_time());
    record.mutable_ticket()->set_priority(priority);
    if (!resolved.empty()) SetTimestamp(At(resolved), record.mutable_ticket()->mutable_resolve_time());
    Put({.kind = RecordKind::kTicket,
         .record_id = "t",
         .time = At(opened),
         .update_time = At(updated),
         .payload = record.SerializeAsString()});
  }
  void PutTouch(const std::string& id, absl::string_view time) {
    v1::Record record;
    SetTimestamp(At(time), record.mutable_event_time());
    record.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
    Put({.kind = RecordKind::kTouchpoint,
         .record_id = id,
         .time = At(time),
         .update_time = At(time),
         .payload = record.SerializeAsString()});
  }
  void Put(const StoredRecord& record) {
    Write([&](WriteTransaction& transaction) { return transaction.PutRecord(no_, record); });
  }
  AccountHistory HistoryAsOf(absl::string_view time) {
    std::vector<AccountHistory> history(1);
    const absl::Status status = store_->Read([&](ReadTransaction& transaction) -> absl::Status {
      const auto account = transaction.FindAccountByNo(no_);
      if (!account.ok()) return account.status();
      auto loaded = transaction.LoadHistory(**account, At(time));
      if (!loaded.ok()) return loaded.status();
      history[0] = *std::move(loaded);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return history[0];
  }
  // Sum of the metric's use in a history.
  static double SumOf(const AccountHistory& history) {
    double sum = 0;
    for (const UsageDay& use : history.usage) sum += use.sum;
    return sum;
  }

  AccountNo no_ = 0;
};

INSTANTIATE_TEST_SUITE_P(All, RecordStoreTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

TEST_P(RecordStoreTest, AnAccountHasNoHistoryBeforeItExists) {
  const absl::Status status = store_->Read([&](ReadTransaction& transaction) -> absl::Status {
    return transaction.LoadHistory(**transaction.FindAccountByNo(no_), At("2022-12-31T23:59:59Z")).status();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
}

TEST_P(RecordStoreTest, UsageCountsUpToTheMomentAndNotToTheEndOfItsDay) {
  PutUsage("1", "logins", "2024-06-30T08:00:00Z", 1);
  PutUsage("2", "logins", "2024-06-30T12:00:00Z", 2);
  PutUsage("3", "logins", "2024-06-30T20:00:00Z", 4);
  EXPECT_EQ(SumOf(HistoryAsOf("2024-06-30T07:59:59.999999Z")), 0);
  EXPECT_EQ(SumOf(HistoryAsOf("2024-06-30T12:00:00Z")), 3);
  EXPECT_EQ(SumOf(HistoryAsOf("2024-07-01T00:00:00Z")), 7);
  EXPECT_EQ(HistoryAsOf("2024-06-30T12:00:00Z").next_change, At("2024-06-30T20:00:00Z"));
}

TEST_P(RecordStoreTest, UsageReachesNinetyDaysBackAndUsersThirty) {
  PutUsage("1", "logins", "2024-04-01T23:59:59Z", 1, "ann");
  PutUsage("2", "logins", "2024-04-02T00:00:00Z", 2, "bob");
  PutUsage("3", "logins", "2024-05-31T23:59:59Z", 4, "eve");
  PutUsage("4", "logins", "2024-06-01T00:00:00Z", 8, "zoe");
  const AccountHistory history = HistoryAsOf("2024-06-30T12:00:00Z");
  EXPECT_EQ(SumOf(history), 14);
  ASSERT_EQ(history.users.size(), 1U);
  EXPECT_EQ(history.users[0].user, "zoe");
  EXPECT_TRUE(history.users_seen);
  EXPECT_FALSE(HistoryAsOf("2024-03-31T12:00:00Z").users_seen);
}

TEST_P(RecordStoreTest, LastUseOfThePastIgnoresLaterUseAndReportsOfZero) {
  PutUsage("1", "logins", "2024-01-10T10:00:00Z", 1);
  PutUsage("2", "logins", "2024-06-01T10:00:00Z", 1);
  PutUsage("3", "logins", "2024-06-20T10:00:00Z", 0);
  const auto last_day = [&](absl::string_view time) {
    const AccountHistory history = HistoryAsOf(time);
    return history.last_use.empty() ? -1 : history.last_use.front().day;
  };
  EXPECT_EQ(last_day("2024-01-09T10:00:00Z"), -1);
  EXPECT_EQ(last_day("2024-01-10T10:00:00Z"), DayOf(At("2024-01-10T00:00:00Z")));
  EXPECT_EQ(last_day("2024-05-31T10:00:00Z"), DayOf(At("2024-01-10T00:00:00Z")));
  EXPECT_EQ(last_day("2024-06-20T10:00:00Z"), DayOf(At("2024-06-01T00:00:00Z")));
  EXPECT_EQ(last_day("2024-08-20T10:00:00Z"), DayOf(At("2024-06-01T00:00:00Z")));
}

TEST_P(RecordStoreTest, AUsageEventIsFoundAsItWasPutAndItsIdIsTakenOnce) {
  PutUsage("1", "logins", "2024-06-30T08:00:00.000001Z", 1.25, "ann");
  const auto found = Read([&](ReadTransaction& transaction) { return transaction.FindUsage(no_, "1"); });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->time, At("2024-06-30T08:00:00.000001Z"));
  EXPECT_EQ(found->value, 1.25);
  EXPECT_EQ(found->user, "ann");
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.FindUsage(no_, "2"); }), std::nullopt);
  const auto again = store_->Write([&](WriteTransaction& transaction) { return transaction.InsertUsage(no_, *found); });
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(SumOf(HistoryAsOf("2024-07-02T00:00:00Z")), 1.25);
}

TEST_P(RecordStoreTest, AMetricKeepsItsNumberAndItsEarliestTime) {
  PutUsage("1", "logins", "2024-06-30T08:00:00Z", 1);
  PutUsage("2", "exports", "2024-06-29T08:00:00Z", 1);
  PutUsage("3", "logins", "2024-06-28T08:00:00Z", 1);
  PutUsage("4", "logins", "2024-07-28T08:00:00Z", 1);
  const auto metrics = Read([](ReadTransaction& transaction) { return transaction.ListMetrics(); });
  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_EQ(metrics[0].name, "logins");
  EXPECT_EQ(metrics[0].first_time, At("2024-06-28T08:00:00Z"));
  EXPECT_EQ(metrics[1].name, "exports");
  EXPECT_LT(metrics[0].no, metrics[1].no);
}

TEST_P(RecordStoreTest, RecordsOfDifferentKindsShareIds) {
  PutTouch("t", "2024-06-01T00:00:00Z");
  PutTicket("2024-06-02T00:00:00Z", "2024-06-02T00:00:00Z", v1::TICKET_PRIORITY_LOW);
  const auto touch =
      Read([&](ReadTransaction& transaction) { return transaction.FindRecord(no_, RecordKind::kTouchpoint, "t"); });
  const auto ticket =
      Read([&](ReadTransaction& transaction) { return transaction.FindRecord(no_, RecordKind::kTicket, "t"); });
  EXPECT_EQ(touch->time, At("2024-06-01T00:00:00Z"));
  EXPECT_EQ(ticket->time, At("2024-06-02T00:00:00Z"));
  EXPECT_FALSE(Read([&](ReadTransaction& transaction) {
                 return transaction.FindRecord(no_, RecordKind::kSurvey, "t");
               }).has_value());
}

TEST_P(RecordStoreTest, RecordsComeInOrderOfTimeAndOnlyOnceTheyHappened) {
  PutTouch("b", "2024-06-01T00:00:00Z");
  PutTouch("a", "2024-06-03T00:00:00Z");
  PutTouch("c", "2024-06-02T00:00:00Z");
  const AccountHistory history = HistoryAsOf("2024-06-02T00:00:00Z");
  ASSERT_EQ(history.touchpoints.size(), 2U);
  EXPECT_EQ(history.touchpoints[0].time, At("2024-06-01T00:00:00Z"));
  EXPECT_EQ(history.touchpoints[1].time, At("2024-06-02T00:00:00Z"));
  EXPECT_EQ(history.next_change, At("2024-06-03T00:00:00Z"));
}

TEST_P(RecordStoreTest, ATicketIsOpenAsOfBeforeItsResolution) {
  PutTicket("2024-06-01T00:00:00Z", "2024-06-05T00:00:00Z", v1::TICKET_PRIORITY_LOW, "2024-06-05T00:00:00Z");
  EXPECT_TRUE(HistoryAsOf("2024-05-31T23:00:00Z").tickets.empty());
  EXPECT_EQ(HistoryAsOf("2024-06-04T00:00:00Z").tickets.at(0).resolved, std::nullopt);
  EXPECT_EQ(HistoryAsOf("2024-06-04T00:00:00Z").next_change, At("2024-06-05T00:00:00Z"));
  EXPECT_EQ(HistoryAsOf("2024-06-05T00:00:00Z").tickets.at(0).resolved, At("2024-06-05T00:00:00Z"));
}

TEST_P(RecordStoreTest, LaterStatesOfATicketDoNotLeakIntoThePast) {
  PutTicket("2024-06-01T00:00:00Z", "2024-06-01T00:00:00Z", v1::TICKET_PRIORITY_LOW);
  PutTicket("2024-06-01T00:00:00Z", "2024-06-03T00:00:00Z", v1::TICKET_PRIORITY_URGENT);
  PutTicket("2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z", v1::TICKET_PRIORITY_HIGH);
  const auto priority = [&](absl::string_view time) { return HistoryAsOf(time).tickets.at(0).priority; };
  EXPECT_EQ(priority("2024-06-01T12:00:00Z"), TicketPriority::kLow);
  EXPECT_EQ(priority("2024-06-02T12:00:00Z"), TicketPriority::kHigh);
  EXPECT_EQ(priority("2024-06-03T00:00:00Z"), TicketPriority::kUrgent);
  const auto newest =
      Read([&](ReadTransaction& transaction) { return transaction.FindRecord(no_, RecordKind::kTicket, "t"); });
  EXPECT_EQ(newest->update_time, At("2024-06-03T00:00:00Z"));
}

TEST_P(RecordStoreTest, AnAccountsHistoryHasTheStateAndVersionsOfThen) {
  Write([&](WriteTransaction& transaction) -> absl::Status {
    EXPECT_TRUE(transaction.PutAccountVersion(no_, At("2024-06-01T00:00:00Z"), {.display_name = "June"}).ok());
    EXPECT_TRUE(transaction.PutSubscription(no_, Subscription("s", At("2024-01-01T00:00:00Z"))).ok());
    EXPECT_TRUE(transaction.PutSubscriptionVersion(no_, "s", At("2024-02-01T00:00:00Z"), {.plan = "a"}).ok());
    return transaction.PutSubscriptionVersion(no_, "s", At("2024-06-01T00:00:00Z"), {.plan = "b"});
  });
  EXPECT_TRUE(HistoryAsOf("2023-12-31T00:00:00Z").subscriptions.empty());
  const AccountHistory may = HistoryAsOf("2024-01-05T00:00:00Z");
  EXPECT_EQ(may.state.display_name, "The acme");
  ASSERT_EQ(may.subscriptions.size(), 1U) << "the first state known holds since the start";
  EXPECT_EQ(may.subscriptions[0].effective, At("2024-01-01T00:00:00Z"));
  EXPECT_EQ(may.next_change, At("2024-02-01T00:00:00Z"));
  const AccountHistory june = HistoryAsOf("2024-06-01T00:00:00Z");
  EXPECT_EQ(june.state.display_name, "June");
  ASSERT_EQ(june.subscriptions.size(), 2U);
  EXPECT_EQ(june.subscriptions[1].state.plan, "b");
}

TEST_P(RecordStoreTest, AnEndAheadIsTheNextChange) {
  Write([&](WriteTransaction& transaction) -> absl::Status {
    EXPECT_TRUE(transaction.PutSubscription(no_, Subscription("s", At("2024-01-01T00:00:00Z"))).ok());
    return transaction.PutSubscriptionVersion(no_, "s", At("2024-01-01T00:00:00Z"),
                                              {.plan = "a", .end = At("2024-03-01T00:00:00Z")});
  });
  EXPECT_EQ(HistoryAsOf("2023-06-01T00:00:00Z").next_change, At("2024-01-01T00:00:00Z"));
  EXPECT_EQ(HistoryAsOf("2024-02-01T00:00:00Z").next_change, At("2024-03-01T00:00:00Z"));
  EXPECT_EQ(HistoryAsOf("2024-03-01T00:00:00Z").next_change, absl::InfiniteFuture());
}

TEST_P(RecordStoreTest, DueAccountsAreListedWhenTheirTimeHasCome) {
  const AccountNo other = Insert("other");
  const auto set = [&](AccountNo no, std::optional<absl::Time> time) {
    Write([&](WriteTransaction& transaction) { return transaction.SetDue(no, time); });
  };
  const auto due = [&](absl::string_view now) {
    return Read([&](ReadTransaction& transaction) { return transaction.ListDue(At(now), 10); });
  };
  set(no_, At("2024-06-02T00:00:00Z"));
  set(other, At("2024-06-01T00:00:00Z"));
  EXPECT_TRUE(due("2024-05-31T00:00:00Z").empty());
  EXPECT_EQ(due("2024-06-01T00:00:00Z"), std::vector<AccountNo>{other});
  EXPECT_EQ(due("2024-06-02T00:00:00Z"), (std::vector<AccountNo>{other, no_}));
  set(other, At("2024-07-01T00:00:00Z"));
  set(no_, std::nullopt);
  EXPECT_TRUE(due("2024-06-02T00:00:00Z").empty());
}

TEST_P(RecordStoreTest, TheFeedHasEachAccountOnceWithItsNewestRevision) {
  const AccountNo other = Insert("other");
  const auto put = [&](AccountNo no, const FeedRow& row) {
    std::int64_t revision = 0;
    Write([&](WriteTransaction& transaction) -> absl::Status {
      const auto put_revision = transaction.PutFacts(no, row);
      revision = put_revision.value_or(-1);
      return put_revision.status();
    });
    return revision;
  };
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.LastRevision(); }), 0);
  const std::int64_t first = put(no_, {.account_id = "acme", .as_of = At("2024-06-01T00:00:00Z"), .payload = "1"});
  const std::int64_t second = put(other, {.account_id = "other", .as_of = At("2024-06-01T00:00:00Z"), .payload = "2"});
  const std::int64_t third = put(no_, {.account_id = "acme", .deleted = true, .as_of = At("2024-06-02T00:00:00Z")});
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.LastRevision(); }), third);
  const auto feed = Read([](ReadTransaction& transaction) { return transaction.ListFeed(0, 10); });
  ASSERT_EQ(feed.size(), 2U);
  EXPECT_EQ(feed[0].account_id, "other");
  EXPECT_EQ(feed[0].payload, "2");
  EXPECT_FALSE(feed[0].deleted);
  EXPECT_EQ(feed[1].revision, third);
  EXPECT_TRUE(feed[1].deleted);
  EXPECT_EQ(feed[1].as_of, At("2024-06-02T00:00:00Z"));
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.ListFeed(second, 10); }).size(), 1U);
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.ListFeed(0, 1); }).size(), 1U);
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.FindFacts(other); })->payload, "2");
}

TEST_P(RecordStoreTest, StatesOfUseGoWithTheirFactsAndAreFoundForManyAccountsAtOnce) {
  std::vector<AccountNo> numbers;
  for (int i = 0; i < 150; ++i) numbers.push_back(Insert(absl::StrCat("state-", i)));
  const std::string bytes("\0state", 6);
  Write([&](WriteTransaction& transaction) -> absl::Status {
    for (const AccountNo no : numbers) {
      FeedRow row{.account_id = absl::StrCat("n", no), .as_of = absl::UnixEpoch(), .payload = "p"};
      if (no % 3 != 0) row.use_state = bytes;
      row.deleted = no % 5 == 0;
      EXPECT_TRUE(transaction.PutFacts(no, row).ok());
    }
    return absl::OkStatus();
  });
  const auto kept = [&] {
    return Read([&](ReadTransaction& transaction) { return transaction.ListKeptFacts(numbers); });
  };
  std::vector<AccountNo> expected;
  for (const AccountNo no : numbers) {
    if (no % 3 != 0 && no % 5 != 0) expected.push_back(no);
  }
  std::vector<AccountNo> found;
  for (const KeptFacts& facts : kept()) {
    found.push_back(facts.no);
    EXPECT_EQ(facts.account_id, absl::StrCat("n", facts.no));
    EXPECT_EQ(facts.payload, "p");
    EXPECT_EQ(facts.use_state, bytes);
  }
  EXPECT_EQ(found, expected);
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.GreatestNo(); }), numbers.back());
  const std::int64_t revision = Read([](ReadTransaction& transaction) { return transaction.LastRevision(); });
  Write([&](WriteTransaction& transaction) { return transaction.PutUseState(expected.front(), ""); });
  Write([&](WriteTransaction& transaction) { return transaction.PutUseState(expected.back(), "other"); });
  EXPECT_EQ(kept().size(), expected.size() - 1);
  EXPECT_EQ(kept().back().use_state, "other");
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.LastRevision(); }), revision);
  const auto none = Read([](ReadTransaction& transaction) { return transaction.ListKeptFacts({}); });
  EXPECT_TRUE(none.empty());
}

TEST_P(RecordStoreTest, DefinitionsComeBackInOrderAndSettingsAsTheyWerePut) {
  const facts::FactDefinition a{.name = "a", .unit = "u", .meaning = "m", .age_fact = "b"};
  const facts::FactDefinition b{.name = "b", .type = facts::FactType::kStringSet};
  Write([&](WriteTransaction& transaction) -> absl::Status {
    EXPECT_TRUE(transaction.PutFactDefinition(0, a).ok());
    EXPECT_TRUE(transaction.PutFactDefinition(1, b).ok());
    EXPECT_TRUE(transaction.PutSetting("k", "1").ok());
    return transaction.PutSetting("k", "2");
  });
  using Definitions = std::vector<facts::FactDefinition>;
  const auto list = [&](facts::FactId first) {
    return Read([&](ReadTransaction& transaction) { return transaction.ListFactDefinitions(first); });
  };
  EXPECT_EQ(list(0), (Definitions{a, b}));
  EXPECT_EQ(list(1), Definitions{b});
  EXPECT_TRUE(list(2).empty());
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.GetSetting("k"); }), "2");
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.GetSetting("absent"); }), "");
}

}  // namespace
}  // namespace perennial::accounts::testing
