// Contacts, goals, tasks and the timeline in a store.
#include "absl/strings/str_cat.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

class CareStoreTest : public StoreTest {
 protected:
  static CareRecord Care(const std::string& id, std::int64_t version, absl::string_view effective) {
    return {.id = id,
            .payload = absl::StrCat(id, std::string("\0\xff", 2), version),
            .create_time = At("2024-01-01T00:00:00Z"),
            .update_time = At("2024-01-01T00:00:00Z") + absl::Hours(version),
            .effective = At(effective),
            .version = version};
  }
  void Put(AccountNo no, CareKind kind, const CareRecord& record) {
    Write([&](WriteTransaction& transaction) { return transaction.PutCare(no, kind, record); });
  }
  std::optional<CareRecord> FindCare(AccountNo no, CareKind kind, const std::string& id) {
    return Read([&](ReadTransaction& transaction) { return transaction.FindCare(no, kind, id); });
  }
  std::optional<CareRecord> FindCareAsOf(AccountNo no, CareKind kind, const std::string& id, absl::string_view as_of) {
    return Read([&](ReadTransaction& transaction) { return transaction.FindCareAsOf(no, kind, id, At(as_of)); });
  }

  static TaskRecord Task(AccountNo no, const std::string& account, const std::string& id) {
    return {.account = no,
            .account_id = account,
            .id = id,
            .payload = std::string("p\0q", 3),
            .assignee = "kim",
            .entry_time = At("2024-03-01T00:00:00.000001Z"),
            .create_time = At("2024-03-01T00:00:00.000001Z"),
            .update_time = At("2024-03-01T00:00:00.000002Z")};
  }
  std::int64_t Put(TaskRecord task) {
    Write([&](WriteTransaction& transaction) { return transaction.PutTask(task); });
    return task.revision;
  }
  std::vector<std::string> Ids(const TaskQuery& query) {
    std::vector<std::string> ids;
    for (const auto& task : Read([&](ReadTransaction& transaction) { return transaction.ListTasks(query); })) {
      ids.push_back(task.id);
    }
    return ids;
  }
  std::int64_t LastTaskRevision() {
    return Read([](ReadTransaction& transaction) { return transaction.LastTaskRevision(); });
  }
};

using Names = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(All, CareStoreTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

TEST_P(CareStoreTest, FindsWhatWasPutByAccountAndKind) {
  const AccountNo no = Insert("acme");
  const AccountNo other = Insert("other");
  CareRecord record = Care("x", 1, "2024-02-01T00:00:00.000001Z");
  record.delete_time = At("2024-02-03T00:00:00Z");
  Put(no, CareKind::kContact, record);
  EXPECT_EQ(FindCare(no, CareKind::kContact, "x"), record);
  EXPECT_EQ(FindCare(no, CareKind::kGoal, "x"), std::nullopt);
  EXPECT_EQ(FindCare(other, CareKind::kContact, "x"), std::nullopt);
  EXPECT_EQ(FindCare(no, CareKind::kContact, "X"), std::nullopt);
}

TEST_P(CareStoreTest, TheNewestVersionStandsAndEarlierOnesAreFoundByTheirTime) {
  const AccountNo no = Insert("acme");
  for (const CareKind kind : {CareKind::kContact, CareKind::kGoal}) {
    Put(no, kind, Care("x", 1, "2024-02-01T00:00:00Z"));
    Put(no, kind, Care("x", 2, "2024-02-02T00:00:00Z"));
    Put(no, kind, Care("x", 3, "2024-02-02T00:00:00Z"));
    EXPECT_EQ(FindCare(no, kind, "x")->version, 3);
    EXPECT_EQ(FindCareAsOf(no, kind, "x", "2024-01-31T23:59:59.999999Z"), std::nullopt);
    EXPECT_EQ(FindCareAsOf(no, kind, "x", "2024-02-01T00:00:00Z"), Care("x", 1, "2024-02-01T00:00:00Z"));
    EXPECT_EQ(FindCareAsOf(no, kind, "x", "2024-02-01T23:59:59.999999Z")->version, 1);
    EXPECT_EQ(FindCareAsOf(no, kind, "x", "2024-02-02T00:00:00Z")->version, 3) << "the last of one moment holds";
  }
}

TEST_P(CareStoreTest, AVersionIsStoredOnce) {
  const AccountNo no = Insert("acme");
  Put(no, CareKind::kGoal, Care("x", 1, "2024-02-01T00:00:00Z"));
  const auto status = store_
                          ->Write([&](WriteTransaction& transaction) {
                            return transaction.PutCare(no, CareKind::kGoal, Care("x", 1, "2024-03-01T00:00:00Z"));
                          })
                          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(FindCare(no, CareKind::kGoal, "x"), Care("x", 1, "2024-02-01T00:00:00Z"));
}

TEST_P(CareStoreTest, ListsByIdAndLeavesOutWhatIsDeleted) {
  const AccountNo no = Insert("acme");
  for (const char* id : {"b", "a", "B", "c"}) Put(no, CareKind::kContact, Care(id, 1, "2024-02-01T00:00:00Z"));
  CareRecord deleted = Care("b", 2, "2024-02-02T00:00:00Z");
  deleted.delete_time = deleted.effective;
  Put(no, CareKind::kContact, deleted);
  const auto list = [&](const std::string& after, bool show_deleted, int limit) {
    Names ids;
    for (const auto& record : Read([&](ReadTransaction& transaction) {
           return transaction.ListCare(no, CareKind::kContact, after, show_deleted, limit);
         })) {
      ids.push_back(record.id);
    }
    return ids;
  };
  EXPECT_EQ(list("", false, 9), (Names{"B", "a", "c"})) << "by bytes";
  EXPECT_EQ(list("", true, 9), (Names{"B", "a", "b", "c"}));
  EXPECT_EQ(list("B", true, 2), (Names{"a", "b"}));
  EXPECT_EQ(list("c", true, 9), Names());
}

TEST_P(CareStoreTest, ATaskComesBackWithItsRevision) {
  const AccountNo no = Insert("acme");
  TaskRecord task = Task(no, "acme", "t");
  task.due = At("2024-04-01T00:00:00.000003Z");
  task.state = TaskState::kDone;
  task.version = 5;
  EXPECT_EQ(LastTaskRevision(), 0);
  task.revision = Put(task);
  EXPECT_EQ(task.revision, 1);
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.FindTask(no, "t"); }), task);
  task.due.reset();
  task.assignee = "";
  task.revision = Put(task);
  EXPECT_EQ(task.revision, 2);
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.FindTask(no, "t"); }), task);
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.FindTask(no, "T"); }), std::nullopt);
}

TEST_P(CareStoreTest, TheFeedHasEachTaskOnceByItsNewestRevision) {
  const AccountNo no = Insert("acme");
  Put(Task(no, "acme", "a"));
  Put(Task(no, "acme", "b"));
  Put(Task(no, "acme", "a"));
  const auto feed = Read([](ReadTransaction& transaction) { return transaction.ListTaskFeed(0, 10); });
  ASSERT_EQ(feed.size(), 2U);
  EXPECT_EQ(feed[0].id, "b");
  EXPECT_EQ(feed[1].id, "a");
  EXPECT_EQ(feed[1].revision, 3);
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.ListTaskFeed(2, 10); }).size(), 1U);
  EXPECT_EQ(Read([](ReadTransaction& transaction) { return transaction.ListTaskFeed(0, 1); })[0].id, "b");
}

TEST_P(CareStoreTest, ARevisionOfAWriteThatFailedIsGivenOutAgain) {
  const AccountNo no = Insert("acme");
  const auto status = store_
                          ->Write([&](WriteTransaction& transaction) -> absl::Status {
                            TaskRecord task = Task(no, "acme", "a");
                            EXPECT_TRUE(transaction.PutTask(task).ok());
                            return absl::AbortedError("no");
                          })
                          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(LastTaskRevision(), 0);
  EXPECT_EQ(Put(Task(no, "acme", "a")), 1);
}

TEST_P(CareStoreTest, RenumberingGivesTheTasksOfOneAccountNewRevisions) {
  const AccountNo no = Insert("acme");
  const AccountNo other = Insert("other");
  for (const char* id : {"c", "a", "b"}) Put(Task(no, "acme", id));
  Put(Task(other, "other", "x"));
  Write([&](WriteTransaction& transaction) { return transaction.RenumberTasks(no); });
  const auto feed = Read([](ReadTransaction& transaction) { return transaction.ListTaskFeed(0, 10); });
  ASSERT_EQ(feed.size(), 4U);
  EXPECT_EQ(feed[0].account_id, "other");
  for (std::size_t i = 1; i < feed.size(); ++i) EXPECT_EQ(feed[i].revision, static_cast<std::int64_t>(4 + i));
  EXPECT_EQ(LastTaskRevision(), 7);
  const AccountNo empty = Insert("empty");
  Write([&](WriteTransaction& transaction) { return transaction.RenumberTasks(empty); });
  EXPECT_EQ(LastTaskRevision(), 7);
}

TEST_P(CareStoreTest, TasksAreListedByDueTimeWithTheirFilters) {
  const AccountNo acme = Insert("acme");
  const AccountNo beta = Insert("beta");
  const auto put = [&](AccountNo no, const std::string& account, const std::string& id, absl::string_view due,
                       const std::string& assignee, TaskState state) {
    TaskRecord task = Task(no, account, id);
    if (!due.empty()) task.due = At(due);
    task.assignee = assignee;
    task.state = state;
    Put(task);
  };
  put(beta, "beta", "1", "2024-05-01T00:00:00Z", "kim", TaskState::kOpen);
  put(acme, "acme", "2", "2024-05-01T00:00:00Z", "lee", TaskState::kOpen);
  put(acme, "acme", "3", "", "kim", TaskState::kOpen);
  put(acme, "acme", "4", "2024-04-01T00:00:00Z", "kim", TaskState::kDone);
  put(acme, "acme", "5", "1969-04-01T00:00:00Z", "", TaskState::kCancelled);
  EXPECT_EQ(Ids({}), (std::vector<std::string>{"5", "4", "2", "1", "3"}));
  EXPECT_EQ(Ids({.limit = 2}), (std::vector<std::string>{"5", "4"}));
  EXPECT_EQ(Ids({.account = acme}), (std::vector<std::string>{"5", "4", "2", "3"}));
  EXPECT_EQ(Ids({.assignee = "kim"}), (std::vector<std::string>{"4", "1", "3"}));
  EXPECT_EQ(Ids({.assignee = ""}), (std::vector<std::string>{"5"}));
  EXPECT_EQ(Ids({.state = TaskState::kOpen}), (std::vector<std::string>{"2", "1", "3"}));
  EXPECT_EQ(Ids({.due_begin = At("2024-04-01T00:00:00Z")}), (std::vector<std::string>{"4", "2", "1"}));
  EXPECT_EQ(Ids({.due_end = At("2024-05-01T00:00:00Z")}), (std::vector<std::string>{"5", "4"}));
  EXPECT_EQ(Ids({.account = acme,
                 .assignee = "kim",
                 .state = TaskState::kDone,
                 .due_begin = At("2024-04-01T00:00:00Z"),
                 .due_end = At("2024-04-02T00:00:00Z")}),
            (std::vector<std::string>{"4"}));
  EXPECT_EQ(Ids({.after_due = At("2024-05-01T00:00:00Z"), .after_account = "acme", .after_id = "2"}),
            (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(Ids({.after_account = "acme", .after_id = "3"}), std::vector<std::string>());
}

TEST_P(CareStoreTest, TasksOfADeletedAccountAreInTheFeedOnly) {
  const AccountNo no = Insert("acme");
  Put(Task(no, "acme", "t"));
  AccountRecord account = *Find("acme");
  account.delete_time = At("2024-05-01T00:00:00Z");
  Write([&](WriteTransaction& transaction) { return transaction.UpdateAccount(account); });
  EXPECT_EQ(Ids({}), std::vector<std::string>());
  const auto feed = Read([](ReadTransaction& transaction) { return transaction.ListTaskFeed(0, 10); });
  ASSERT_EQ(feed.size(), 1U);
  EXPECT_EQ(feed[0].account_delete_time, account.delete_time);
}

TEST_P(CareStoreTest, TimelineRecordsAreNewestFirstEachInItsNewestState) {
  const AccountNo no = Insert("acme");
  const auto put = [&](RecordKind kind, const std::string& id, absl::string_view time, absl::string_view updated) {
    Write([&](WriteTransaction& transaction) {
      return transaction.PutRecord(no, {.kind = kind,
                                        .record_id = id,
                                        .time = At(time),
                                        .update_time = At(updated),
                                        .payload = std::string(updated)});
    });
  };
  put(RecordKind::kTicket, "1", "2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z");
  put(RecordKind::kTicket, "1", "2024-02-01T00:00:00Z", "2024-02-09T00:00:00Z");
  put(RecordKind::kSurvey, "1", "2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z");
  put(RecordKind::kSurvey, "2", "2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z");
  put(RecordKind::kMilestone, "1", "2024-02-02T00:00:00Z", "2024-02-02T00:00:00Z");
  const std::set<RecordKind> all = {RecordKind::kTicket, RecordKind::kTouchpoint, RecordKind::kSurvey,
                                    RecordKind::kMilestone, RecordKind::kChurnReport};
  const auto list = [&](const TimelineQuery& query) {
    std::vector<std::string> found;
    for (const auto& record :
         Read([&](ReadTransaction& transaction) { return transaction.ListTimelineRecords(query); })) {
      found.push_back(absl::StrCat(static_cast<int>(record.kind), "/", record.record_id));
    }
    return found;
  };
  using Found = std::vector<std::string>;
  EXPECT_EQ(list({.account = no, .kinds = all}), (Found{"4/1", "3/2", "3/1", "1/1"}));
  EXPECT_EQ(list({.account = no, .kinds = all, .limit = 1}), (Found{"4/1"}));
  EXPECT_EQ(list({.account = no}), Found()) << "no kind, no record";
  EXPECT_EQ(list({.account = no, .kinds = {RecordKind::kSurvey}}), (Found{"3/2", "3/1"}));
  EXPECT_EQ(list({.account = no, .kinds = all, .begin = At("2024-02-02T00:00:00Z")}), (Found{"4/1"}));
  EXPECT_EQ(list({.account = no, .kinds = all, .end = At("2024-02-02T00:00:00Z")}), (Found{"3/2", "3/1", "1/1"}));
  EXPECT_EQ(
      list({.account = no, .kinds = all, .after_time = At("2024-02-01T00:00:00Z"), .after_kind = 3, .after_id = "2"}),
      (Found{"3/1", "1/1"}));
  const auto tickets = Read([&](ReadTransaction& transaction) {
    return transaction.ListTimelineRecords({.account = no, .kinds = {RecordKind::kTicket}});
  });
  ASSERT_EQ(tickets.size(), 1U);
  EXPECT_EQ(tickets[0].payload, "2024-02-09T00:00:00Z");
}

TEST_P(CareStoreTest, TimelineTasksAreByTheirEntryTime) {
  const AccountNo no = Insert("acme");
  for (int i = 0; i < 4; ++i) {
    TaskRecord task = Task(no, "acme", absl::StrCat(i));
    task.entry_time = At("2024-02-01T00:00:00Z") + absl::Hours(i / 2);
    Put(task);
  }
  const auto list = [&](const TimelineQuery& query) {
    std::vector<std::string> found;
    for (const auto& task : Read([&](ReadTransaction& transaction) { return transaction.ListTimelineTasks(query); })) {
      found.push_back(task.id);
    }
    return found;
  };
  using Found = std::vector<std::string>;
  EXPECT_EQ(list({.account = no}), (Found{"3", "2", "1", "0"}));
  EXPECT_EQ(list({.account = no, .after_time = At("2024-02-01T01:00:00Z"), .after_id = "3"}), (Found{"2", "1", "0"}));
  EXPECT_EQ(list({.account = no, .begin = At("2024-02-01T01:00:00Z")}), (Found{"3", "2"}));
  EXPECT_EQ(list({.account = no, .end = At("2024-02-01T01:00:00Z"), .limit = 1}), (Found{"1"}));
}

}  // namespace
}  // namespace perennial::accounts::testing
