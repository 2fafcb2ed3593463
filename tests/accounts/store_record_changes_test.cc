// Records one by one in the store: replaced, deleted, listed, and what they said before.
#include "perennial/accounts/v1/record_service.pb.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

namespace v1 = perennial::accounts::v1;

class RecordChangesStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    no_ = Insert("acme");
    other_ = Insert("other");
  }
  void PutUsage(AccountNo no, const std::string& id, absl::string_view time, double value,
                const std::string& user = "") {
    Write([&](WriteTransaction& transaction) -> absl::Status {
      const auto metric = transaction.MetricNo("logins", At(time));
      EXPECT_TRUE(metric.ok()) << metric.status();
      return transaction.InsertUsage(
          no, {.record_id = id, .metric = *metric, .time = At(time), .value = value, .user = user});
    });
  }
  absl::Status Replace(AccountNo no, const UsageEvent& event) {
    return store_->Write([&](WriteTransaction& transaction) { return transaction.ReplaceUsage(no, event); }).status();
  }
  static UsageEvent Mark(const std::string& id) {
    return {.record_id = id, .time = absl::UnixEpoch(), .deleted = true};
  }
  static StoredRecord Touch(const std::string& id, absl::string_view time, RecordKind kind = RecordKind::kTouchpoint) {
    v1::Record record;
    record.set_record_id(id);
    SetTimestamp(At(time), record.mutable_event_time());
    record.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
    return {.kind = kind,
            .record_id = id,
            .time = At(time),
            .update_time = At(time),
            .payload = record.SerializeAsString()};
  }
  absl::Time FirstTime() {
    return Read([&](ReadTransaction& transaction) { return transaction.ListMetrics(); }).at(0).first_time;
  }
  AccountHistory History(AccountNo no, absl::string_view as_of) {
    std::vector<AccountHistory> history(1);
    const absl::Status status = store_->Read([&](ReadTransaction& transaction) -> absl::Status {
      auto loaded = transaction.LoadHistory(**transaction.FindAccountByNo(no), At(as_of));
      if (!loaded.ok()) return loaded.status();
      history[0] = *std::move(loaded);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return history[0];
  }
  static double SumOf(const AccountHistory& history) {
    double sum = 0;
    for (const UsageDay& use : history.usage) sum += use.sum;
    return sum;
  }

  AccountNo no_ = 0;
  AccountNo other_ = 0;
};

INSTANTIATE_TEST_SUITE_P(All, RecordChangesStoreTest, ::testing::ValuesIn(StoreKinds()),
                         ::testing::PrintToStringParamName());

TEST_P(RecordChangesStoreTest, ReplacedUsageMovesBetweenDays) {
  PutUsage(no_, "1", "2024-06-10T10:00:00Z", 0.1, "ann");
  PutUsage(no_, "2", "2024-06-10T11:00:00Z", 0.2, "ann");
  PutUsage(no_, "3", "2024-06-10T12:00:00Z", 0.3, "bob");
  ASSERT_TRUE(Replace(no_, {.record_id = "3", .metric = 1, .time = At("2024-06-12T00:00:00Z"), .value = 1}).ok());
  const AccountHistory history = History(no_, "2024-06-20T00:00:00Z");
  ASSERT_EQ(history.usage.size(), 2U);
  EXPECT_EQ(history.usage[0].sum, 0.1 + 0.2) << "summed anew, not counted down";
  EXPECT_EQ(history.usage[1].sum, 1);
  ASSERT_EQ(history.users.size(), 1U);
  EXPECT_EQ(history.users[0].user, "ann");
  ASSERT_EQ(history.last_use.size(), 1U);
  EXPECT_EQ(history.last_use[0].day, DayOf(At("2024-06-12T00:00:00Z")));
}

TEST_P(RecordChangesStoreTest, DeletedUsageLeavesNothingButItsId) {
  PutUsage(no_, "1", "2024-06-10T10:00:00Z", 2, "ann");
  ASSERT_TRUE(Replace(no_, Mark("1")).ok());
  const AccountHistory history = History(no_, "2024-06-10T23:00:00Z");
  EXPECT_TRUE(history.usage.empty() && history.users.empty() && history.last_use.empty());
  EXPECT_FALSE(history.users_seen);
  EXPECT_EQ(History(no_, "2024-06-01T00:00:00Z").next_change, absl::InfiniteFuture());
  const auto found = Read([&](ReadTransaction& transaction) { return transaction.FindUsage(no_, "1"); });
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->deleted);
  EXPECT_TRUE(Read([&](ReadTransaction& transaction) { return transaction.ListUsage(no_, "", 10); }).empty());
  EXPECT_EQ(Replace(no_, Mark("1")).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Replace(no_, Mark("2")).code(), absl::StatusCode::kNotFound);
}

TEST_P(RecordChangesStoreTest, AMetricBeginsWithTheFirstEventThatIsLeftOfAnyAccount) {
  PutUsage(no_, "1", "2024-06-01T10:00:00Z", 1);
  PutUsage(other_, "1", "2024-06-05T12:00:00Z", 0);
  PutUsage(other_, "2", "2024-06-05T11:00:00Z", 1);
  PutUsage(no_, "2", "2024-06-05T13:00:00Z", 1);
  EXPECT_EQ(FirstTime(), At("2024-06-01T10:00:00Z"));
  ASSERT_TRUE(Replace(no_, Mark("2")).ok());
  EXPECT_EQ(FirstTime(), At("2024-06-01T10:00:00Z"));
  ASSERT_TRUE(Replace(no_, Mark("1")).ok());
  EXPECT_EQ(FirstTime(), At("2024-06-05T11:00:00Z"));
  ASSERT_TRUE(Replace(other_, {.record_id = "2", .metric = 1, .time = At("2024-06-07T00:00:00Z")}).ok());
  EXPECT_EQ(FirstTime(), At("2024-06-05T12:00:00Z")) << "a report of no use tells of the metric too";
  ASSERT_TRUE(Replace(other_, Mark("1")).ok());
  ASSERT_TRUE(Replace(other_, Mark("2")).ok());
  EXPECT_GT(FirstTime(), At("9999-12-31T00:00:00Z"));
  PutUsage(no_, "3", "2024-06-08T00:00:00Z", 1);
  EXPECT_EQ(FirstTime(), At("2024-06-08T00:00:00Z"));
}

TEST_P(RecordChangesStoreTest, AReplacedRecordHasOneStateAndADeletedOneNone) {
  StoredRecord ticket = Touch("t", "2024-06-01T00:00:00Z", RecordKind::kTicket);
  Write([&](WriteTransaction& transaction) { return transaction.PutRecord(no_, ticket); });
  ticket.update_time = At("2024-06-02T00:00:00Z");
  Write([&](WriteTransaction& transaction) { return transaction.PutRecord(no_, ticket); });
  const auto states = [&] {
    return Read(
        [&](ReadTransaction& transaction) { return transaction.ListRecordStates(no_, RecordKind::kTicket, "t"); });
  };
  EXPECT_EQ(states().size(), 2U);
  ticket.update_time = At("2024-05-02T00:00:00Z");
  Write([&](WriteTransaction& transaction) { return transaction.ReplaceRecord(no_, ticket); });
  ASSERT_EQ(states().size(), 1U);
  EXPECT_EQ(states()[0].update_time, ticket.update_time);
  ticket.deleted = true;
  Write([&](WriteTransaction& transaction) { return transaction.ReplaceRecord(no_, ticket); });
  EXPECT_TRUE(states().empty());
  const auto found =
      Read([&](ReadTransaction& transaction) { return transaction.FindRecord(no_, RecordKind::kTicket, "t"); });
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->deleted);
  EXPECT_EQ(History(no_, "2024-06-01T00:00:00Z").next_change, absl::InfiniteFuture());
  EXPECT_TRUE(Read([&](ReadTransaction& transaction) {
                return transaction.ListTimelineRecords({.account = no_, .kinds = {RecordKind::kTicket}});
              }).empty());
}

TEST_P(RecordChangesStoreTest, ListsGoOnFromTheirPlaceAndLeaveDeletedOnesOut) {
  for (const char* id : {"a", "b", "c", "d"}) {
    Write([&](WriteTransaction& transaction) { return transaction.PutRecord(no_, Touch(id, "2024-06-01T00:00:00Z")); });
    PutUsage(no_, id, "2024-06-01T00:00:00Z", 1);
  }
  StoredRecord mark = Touch("b", "2024-06-01T00:00:00Z");
  mark.deleted = true;
  Write([&](WriteTransaction& transaction) { return transaction.ReplaceRecord(no_, mark); });
  ASSERT_TRUE(Replace(no_, Mark("b")).ok());
  std::string records;
  for (StoredRecord after;;) {
    const auto page = Read([&](ReadTransaction& transaction) { return transaction.ListRecords(no_, after, 2); });
    if (page.empty()) break;
    for (const StoredRecord& record : page) records += record.record_id;
    after = page.back();
  }
  EXPECT_EQ(records, "acd");
  std::string usage;
  for (std::string after;;) {
    const auto page = Read([&](ReadTransaction& transaction) { return transaction.ListUsage(no_, after, 2); });
    if (page.empty()) break;
    for (const UsageEvent& event : page) usage += event.record_id;
    after = page.back().record_id;
  }
  EXPECT_EQ(usage, "acd");
}

TEST_P(RecordChangesStoreTest, FormerContentsAreKnownByRecord) {
  const auto is_former = [&](AccountNo no, int kind, const std::string& id, const std::string& payload) {
    return Read([&](ReadTransaction& transaction) -> absl::StatusOr<std::optional<bool>> {
      const auto former = transaction.IsFormerRecord(no, kind, id, payload);
      if (!former.ok()) return former.status();
      return std::optional<bool>(*former);
    });
  };
  const std::string odd("\0\xff", 2);
  for (const std::string& payload : {std::string("one"), odd, std::string("one")}) {
    Write([&](WriteTransaction& transaction) { return transaction.PutFormerRecord(no_, 1, "a", payload); });
  }
  EXPECT_TRUE(*is_former(no_, 1, "a", "one"));
  EXPECT_TRUE(*is_former(no_, 1, "a", odd));
  EXPECT_FALSE(*is_former(no_, 1, "a", "two"));
  EXPECT_FALSE(*is_former(no_, 2, "a", "one"));
  EXPECT_FALSE(*is_former(no_, 1, "b", "one"));
  EXPECT_FALSE(*is_former(other_, 1, "a", "one"));
}

TEST_P(RecordChangesStoreTest, ChangesAreNumberedByAccountAndListedNewestFirst) {
  RecordChange change{
      .kind = 1, .record_id = "a", .time = At("2024-06-01T00:00:00Z"), .reason = "r", .author = "z", .before = "b"};
  for (int i = 1; i <= 3; ++i) {
    change.after = i == 2 ? std::nullopt : std::optional<std::string>(std::string("\0x", 2));
    Write([&](WriteTransaction& transaction) { return transaction.PutRecordChange(no_, change); });
    EXPECT_EQ(change.no, i);
  }
  Write([&](WriteTransaction& transaction) { return transaction.PutRecordChange(other_, change); });
  EXPECT_EQ(change.no, 1);
  const auto list = [&](std::int64_t before, int limit) {
    return Read([&](ReadTransaction& transaction) { return transaction.ListRecordChanges(no_, before, limit); });
  };
  ASSERT_EQ(list(INT64_MAX, 2).size(), 2U);
  EXPECT_EQ(list(INT64_MAX, 2)[0].no, 3);
  EXPECT_EQ(list(INT64_MAX, 2)[1].after, std::nullopt);
  EXPECT_EQ(list(INT64_MAX, 2)[0].after, std::string("\0x", 2));
  ASSERT_EQ(list(2, 10).size(), 1U);
  const auto found = Read([&](ReadTransaction& transaction) { return transaction.FindRecordChange(no_, 1, "a"); });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->no, 3);
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.FindRecordChange(no_, 2, "a"); }),
            std::nullopt);
}

}  // namespace
}  // namespace perennial::accounts::testing
