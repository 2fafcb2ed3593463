// TaskService over the wire.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {
namespace {

using grpc::StatusCode;

class TasksTest : public CareTest {
 protected:
  grpc::Status Get(const std::string& id, v1::Task* task) {
    v1::GetTaskRequest request;
    request.set_name("accounts/acme/tasks/" + id);
    v1::GetTaskResponse response;
    const grpc::Status status = Send(*tasks_, &v1::TaskService::Stub::GetTask, request, &response);
    *task = response.task();
    return status;
  }
  v1::Task Got(const std::string& id) {
    v1::Task task;
    const grpc::Status status = Get(id, &task);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return task;
  }
  static v1::UpdateTaskRequest ChangeOf(const std::string& id) {
    v1::UpdateTaskRequest request;
    request.mutable_task()->set_name("accounts/acme/tasks/" + id);
    return request;
  }
  grpc::Status Change(const v1::UpdateTaskRequest& request, v1::Task* task = nullptr) {
    v1::UpdateTaskResponse response;
    const grpc::Status status = Send(*tasks_, &v1::TaskService::Stub::UpdateTask, request, &response);
    if (task != nullptr) *task = response.task();
    return status;
  }
  grpc::Status SetState(const std::string& id, v1::TaskState state) {
    v1::UpdateTaskRequest request = ChangeOf(id);
    request.mutable_task()->set_state(state);
    return Change(request);
  }
  static v1::ListTasksRequest AllTasks() {
    v1::ListTasksRequest request;
    request.set_parent("accounts/-");
    return request;
  }
  // Accounts and ids of all pages, "acme/t1".
  Fields List(v1::ListTasksRequest request) {
    Fields names;
    do {
      v1::ListTasksResponse response;
      const grpc::Status status = Send(*tasks_, &v1::TaskService::Stub::ListTasks, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const v1::Task& task : response.tasks()) {
        const std::pair<std::string, std::string> parts =
            absl::StrSplit(absl::StripPrefix(task.name(), "accounts/"), "/tasks/");
        names.push_back(absl::StrCat(parts.first, "/", parts.second));
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }
  void AddDue(const std::string& account, const std::string& id, std::optional<int> days,
              const std::string& assignee = "") {
    v1::CreateTaskRequest request = TaskOf(id, account);
    request.mutable_task()->set_assignee(assignee);
    if (days.has_value())
      SetTimestamp(clock_.Now() + absl::Hours(24 * *days), request.mutable_task()->mutable_due_time());
    const grpc::Status status = Add(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
};

TEST_F(TasksTest, ReadsBackWhatWasCreatedAlsoAfterARestart) {
  v1::CreateTaskRequest request = TaskOf("t");
  v1::Task& task = *request.mutable_task();
  task.set_kind(v1::TASK_KIND_CHECKLIST);
  task.set_assignee("kim@example.com");
  task.set_description("step by step");
  task.add_checklist()->set_title("one");
  task.add_checklist()->set_title("two");
  task.set_origin("plays/onboarding");
  SetTimestamp(At("2024-07-01T00:00:00.0000005Z"), task.mutable_due_time());
  v1::Task created;
  ASSERT_TRUE(Add(request, &created).ok());
  EXPECT_EQ(created.name(), "accounts/acme/tasks/t");
  EXPECT_EQ(created.state(), v1::TASK_STATE_OPEN);
  EXPECT_EQ(created.outcome(), "");
  EXPECT_EQ(created.origin(), "plays/onboarding");
  EXPECT_EQ(ToTime(created.due_time()), At("2024-07-01T00:00:00Z"));
  EXPECT_EQ(created.checklist_size(), 2);
  EXPECT_EQ(created.revision(), 1);
  EXPECT_EQ(Got("t").SerializeAsString(), created.SerializeAsString());
  Restart();
  EXPECT_EQ(Got("t").SerializeAsString(), created.SerializeAsString());
}

TEST_F(TasksTest, ATaskFromElsewhereMayBeCreatedInAnyState) {
  v1::CreateTaskRequest request = TaskOf("done");
  request.mutable_task()->set_state(v1::TASK_STATE_DONE);
  request.mutable_task()->set_outcome("they renew");
  SetTimestamp(At("2024-05-01T00:00:00.0000005Z"), request.mutable_task()->mutable_complete_time());
  v1::Task task;
  ASSERT_TRUE(Add(request, &task).ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_DONE);
  EXPECT_EQ(task.outcome(), "they renew");
  EXPECT_EQ(ToTime(task.complete_time()), At("2024-05-01T00:00:00Z"));
  request = TaskOf("now");
  request.mutable_task()->set_state(v1::TASK_STATE_DONE);
  ASSERT_TRUE(Add(request, &task).ok());
  EXPECT_EQ(ToTime(task.complete_time()), clock_.Now());
  request = TaskOf("cancelled");
  request.mutable_task()->set_state(v1::TASK_STATE_CANCELLED);
  SetTimestamp(clock_.Now() + absl::Hours(1), request.mutable_task()->mutable_complete_time());
  ASSERT_TRUE(Add(request, &task).ok()) << "the time says nothing of a task that is not done";
  EXPECT_EQ(task.state(), v1::TASK_STATE_CANCELLED);
  EXPECT_FALSE(task.has_complete_time());
  request = TaskOf("early");
  request.mutable_task()->set_state(v1::TASK_STATE_DONE);
  SetTimestamp(clock_.Now() + absl::Hours(1), request.mutable_task()->mutable_complete_time());
  EXPECT_EQ(BadFields(Add(request)), (Fields{"task.complete_time"}));
  request.mutable_task()->set_state(static_cast<v1::TaskState>(9));
  EXPECT_EQ(BadFields(Add(request)), (Fields{"task.state"}));
}

TEST_F(TasksTest, ATaskWithoutOriginIsManual) {
  v1::Task task;
  ASSERT_TRUE(Add(TaskOf("t"), &task).ok());
  EXPECT_EQ(task.origin(), "manual");
  EXPECT_EQ(Add(TaskOf("t")).error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Add(TaskOf("t", "none")).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(TasksTest, NamesEveryBadField) {
  EXPECT_EQ(BadFields(Add(v1::CreateTaskRequest())), (Fields{"parent", "task", "task.kind", "task.title", "task_id"}));
  v1::CreateTaskRequest request = TaskOf("a b");
  v1::Task& task = *request.mutable_task();
  task.set_kind(static_cast<v1::TaskKind>(77));
  task.set_assignee(std::string(257, 'x'));
  task.set_origin(std::string(257, 'x'));
  task.set_description(std::string(4097, 'x'));
  task.mutable_due_time()->set_seconds(INT64_MAX);
  for (int i = 0; i < 101; ++i) task.add_checklist()->set_title(i == 7 ? "" : "x");
  EXPECT_EQ(BadFields(Add(request)),
            (Fields{"task.assignee", "task.checklist", "task.checklist[7].title", "task.description", "task.due_time",
                    "task.kind", "task.origin", "task_id"}));
  request = TaskOf("t");
  request.mutable_task()->set_kind(v1::TASK_KIND_CHECKLIST);
  EXPECT_EQ(BadFields(Add(request)), (Fields{"task.checklist"}));
}

TEST_F(TasksTest, CompletingKeepsTheTimeAndTheOutcome) {
  ASSERT_TRUE(Add(TaskOf("t")).ok());
  clock_.Advance(absl::Hours(1));
  v1::Task task;
  ASSERT_TRUE(Complete("t", &task, "they renew").ok());
  EXPECT_EQ(task.state(), v1::TASK_STATE_DONE);
  EXPECT_EQ(task.outcome(), "they renew");
  EXPECT_EQ(ToTime(task.complete_time()), clock_.Now());
  EXPECT_EQ(task.revision(), 2);
  clock_.Advance(absl::Hours(1));
  v1::Task again;
  ASSERT_TRUE(Complete("t", &again, "something else").ok());
  EXPECT_EQ(again.SerializeAsString(), task.SerializeAsString()) << "completing one that is done changes nothing";
}

TEST_F(TasksTest, AChecklistIsDoneWhenAllItsItemsAre) {
  v1::CreateTaskRequest request = TaskOf("t");
  request.mutable_task()->set_kind(v1::TASK_KIND_CHECKLIST);
  request.mutable_task()->add_checklist()->set_title("one");
  ASSERT_TRUE(Add(request).ok());
  EXPECT_EQ(Complete("t").error_code(), StatusCode::FAILED_PRECONDITION);
  v1::UpdateTaskRequest change = ChangeOf("t");
  change.mutable_task()->add_checklist()->set_title("one");
  change.mutable_task()->mutable_checklist(0)->set_done(true);
  ASSERT_TRUE(Change(change).ok());
  EXPECT_TRUE(Complete("t").ok());
  change = ChangeOf("t");
  change.mutable_update_mask()->add_paths("checklist");
  EXPECT_EQ(BadFields(Change(change)), (Fields{"task.checklist"}));
}

TEST_F(TasksTest, OnlyCompletionMakesATaskDoneAndOpeningItClearsTheTime) {
  ASSERT_TRUE(Add(TaskOf("t")).ok());
  EXPECT_EQ(BadFields(SetState("t", v1::TASK_STATE_DONE)), (Fields{"task.state"}));
  ASSERT_TRUE(SetState("t", v1::TASK_STATE_CANCELLED).ok());
  EXPECT_EQ(Complete("t").error_code(), StatusCode::FAILED_PRECONDITION);
  ASSERT_TRUE(SetState("t", v1::TASK_STATE_OPEN).ok());
  ASSERT_TRUE(Complete("t").ok());
  v1::UpdateTaskRequest change;
  *change.mutable_task() = Got("t");
  change.mutable_task()->set_outcome("good");
  v1::Task task;
  ASSERT_TRUE(Change(change, &task).ok()) << "what was read can be sent back";
  EXPECT_EQ(task.state(), v1::TASK_STATE_DONE);
  EXPECT_TRUE(task.has_complete_time());
  ASSERT_TRUE(SetState("t", v1::TASK_STATE_OPEN).ok());
  EXPECT_FALSE(Got("t").has_complete_time());
}

TEST_F(TasksTest, TheMaskDecidesWhatChangesAndTheOriginNeverDoes) {
  v1::CreateTaskRequest request = TaskOf("t");
  request.mutable_task()->set_assignee("kim");
  ASSERT_TRUE(Add(request).ok());
  v1::UpdateTaskRequest change = ChangeOf("t");
  change.mutable_task()->set_title("New");
  change.mutable_task()->set_origin("plays/x");
  change.mutable_update_mask()->add_paths("title");
  change.mutable_update_mask()->add_paths("assignee");
  change.mutable_update_mask()->add_paths("origin");
  v1::Task task;
  ASSERT_TRUE(Change(change, &task).ok());
  EXPECT_EQ(task.title(), "New");
  EXPECT_EQ(task.assignee(), "");
  EXPECT_EQ(task.origin(), "manual");
  change.mutable_task()->set_title("");
  change.mutable_task()->set_name("t");
  change.mutable_update_mask()->add_paths("size");
  EXPECT_EQ(BadFields(Change(change)), (Fields{"task.name", "task.title", "update_mask"}));
}

TEST_F(TasksTest, AnEtagGuardsChangeAndCompletion) {
  v1::Task task;
  ASSERT_TRUE(Add(TaskOf("t"), &task).ok());
  v1::UpdateTaskRequest change = ChangeOf("t");
  change.mutable_task()->set_title("New");
  change.mutable_task()->set_etag(task.etag());
  ASSERT_TRUE(Change(change).ok());
  change.mutable_task()->set_title("Newer");
  EXPECT_EQ(Change(change).error_code(), StatusCode::ABORTED);
  EXPECT_EQ(Complete("t", nullptr, "", task.etag()).error_code(), StatusCode::ABORTED);
  EXPECT_TRUE(Complete("t", nullptr, "", Got("t").etag()).ok());
}

TEST_F(TasksTest, OnlyCheckingStoresNothing) {
  v1::CreateTaskRequest request = TaskOf("t");
  request.set_validate_only(true);
  v1::Task task;
  ASSERT_TRUE(Add(request, &task).ok());
  EXPECT_EQ(task.revision(), 0);
  EXPECT_EQ(Get("t", &task).error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(Add(TaskOf("t")).ok());
  v1::UpdateTaskRequest change = ChangeOf("t");
  change.mutable_task()->set_title("New");
  change.set_validate_only(true);
  ASSERT_TRUE(Change(change, &task).ok());
  EXPECT_EQ(task.title(), "New");
  EXPECT_EQ(Got("t").title(), "The t");
}

TEST_F(TasksTest, AreListedByDueTimeAndThoseWithoutOneLast) {
  CreateAccount("beta");
  AddDue("acme", "none", std::nullopt);
  AddDue("acme", "late", 5);
  AddDue("beta", "b", 1);
  AddDue("acme", "z", 1);
  AddDue("acme", "a", 1);
  AddDue("beta", "past", -3);
  const Fields all = {"beta/past", "acme/a", "acme/z", "beta/b", "acme/late", "acme/none"};
  EXPECT_EQ(List(AllTasks()), all);
  for (int size = 1; size <= 6; ++size) {
    v1::ListTasksRequest request = AllTasks();
    request.set_page_size(size);
    EXPECT_EQ(List(request), all) << "pages of " << size;
  }
  v1::ListTasksRequest one;
  one.set_parent("accounts/acme");
  one.set_page_size(2);
  EXPECT_EQ(List(one), (Fields{"acme/a", "acme/z", "acme/late", "acme/none"}));
}

TEST_F(TasksTest, AreFilteredByAssigneeStateAndDueTime) {
  AddDue("acme", "a", 1, "kim");
  AddDue("acme", "b", 2, "lee");
  AddDue("acme", "c", 3, "kim");
  AddDue("acme", "d", std::nullopt, "kim");
  ASSERT_TRUE(Complete("a").ok());
  v1::ListTasksRequest request = AllTasks();
  request.set_assignee("kim");
  EXPECT_EQ(List(request), (Fields{"acme/a", "acme/c", "acme/d"}));
  request.set_state(v1::TASK_STATE_OPEN);
  request.set_page_size(1);
  EXPECT_EQ(List(request), (Fields{"acme/c", "acme/d"}));
  SetTimestamp(clock_.Now() + absl::Hours(72), request.mutable_due_start_time());
  EXPECT_EQ(List(request), (Fields{"acme/c"})) << "a task without a due time is in no range";
  SetTimestamp(clock_.Now() + absl::Hours(72), request.mutable_due_end_time());
  EXPECT_EQ(List(request), Fields()) << "the end is not within";
  request = AllTasks();
  request.set_state(v1::TASK_STATE_DONE);
  EXPECT_EQ(List(request), (Fields{"acme/a"}));
  SetTimestamp(clock_.Now() + absl::Hours(25), request.mutable_due_end_time());
  request.clear_state();
  EXPECT_EQ(List(request), (Fields{"acme/a"}));
}

TEST_F(TasksTest, NamesEveryBadFieldOfAList) {
  v1::ListTasksRequest request;
  request.set_parent("x");
  request.set_page_size(-1);
  request.set_page_token("x");
  request.set_assignee("\x01");
  request.set_state(static_cast<v1::TaskState>(9));
  request.mutable_due_start_time()->set_nanos(-1);
  request.mutable_due_end_time()->set_nanos(-1);
  v1::ListTasksResponse response;
  EXPECT_EQ(BadFields(Send(*tasks_, &v1::TaskService::Stub::ListTasks, request, &response)),
            (Fields{"assignee", "due_end_time", "due_start_time", "page_size", "page_token", "parent", "state"}));
}

TEST_F(TasksTest, ThoseOfADeletedAccountAreNotSeenUntilItIsBack) {
  AddDue("acme", "t", 1);
  ASSERT_TRUE(Delete("acme").ok());
  v1::Task task;
  EXPECT_EQ(Get("t", &task).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(List(AllTasks()), Fields());
  ASSERT_TRUE(Undelete("acme").ok());
  EXPECT_EQ(List(AllTasks()), (Fields{"acme/t"}));
}

// A reader of WatchTasks that keeps what the feed says and checks that it keeps the feed's promises.
class TaskFollower {
 public:
  explicit TaskFollower(v1::TaskService::Stub& stub, std::int64_t revision = 0, const std::string& parent = "")
      : revision_(revision) {
    v1::WatchTasksRequest request;
    request.set_start_revision(revision);
    request.set_parent(parent);
    reader_ = stub.WatchTasks(&call_.context, request);
  }
  ~TaskFollower() {
    if (reader_ == nullptr) return;
    call_.context.TryCancel();
    v1::WatchTasksResponse rest;
    while (reader_->Read(&rest)) {
    }
    (void)reader_->Finish();
  }
  bool ReadOne() {
    v1::WatchTasksResponse message;
    if (!reader_->Read(&message)) return false;
    for (const v1::Task& task : message.tasks()) {
      EXPECT_GT(task.revision(), revision_);
      revision_ = task.revision();
      ++count_;
      seen_[task.name()] = task;
    }
    EXPECT_GE(message.progress_revision(), revision_);
    revision_ = message.progress_revision();
    caught_up_ = message.caught_up();
    return true;
  }
  void ReadUntil(std::int64_t revision) {
    while (revision_ < revision || !caught_up_) {
      if (!ReadOne()) {
        ADD_FAILURE() << "the feed ended: " << Finish().error_message();
        return;
      }
    }
  }
  grpc::Status Finish() {
    const grpc::Status status = reader_->Finish();
    reader_ = nullptr;
    return status;
  }

  std::map<std::string, v1::Task> seen_;
  std::int64_t revision_;
  bool caught_up_ = false;
  int count_ = 0;

 private:
  Call call_;
  std::unique_ptr<grpc::ClientReader<v1::WatchTasksResponse>> reader_;
};

TEST_F(TasksTest, TheFeedSendsWhatIsThereAndThenEachChange) {
  ASSERT_TRUE(Add(TaskOf("a")).ok());
  TaskFollower follower(*tasks_);
  follower.ReadUntil(1);
  EXPECT_EQ(follower.seen_.at("accounts/acme/tasks/a").SerializeAsString(), Got("a").SerializeAsString());
  ASSERT_TRUE(Complete("a").ok());
  ASSERT_TRUE(Add(TaskOf("b")).ok());
  follower.ReadUntil(3);
  EXPECT_EQ(follower.seen_.at("accounts/acme/tasks/a").state(), v1::TASK_STATE_DONE);
  EXPECT_EQ(follower.seen_.size(), 2U);
}

TEST_F(TasksTest, TheFeedIsCompactedAndResumable) {
  ASSERT_TRUE(Add(TaskOf("a")).ok());
  ASSERT_TRUE(Add(TaskOf("b")).ok());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(SetState("a", v1::TASK_STATE_CANCELLED).ok());
    ASSERT_TRUE(SetState("a", v1::TASK_STATE_OPEN).ok());
  }
  TaskFollower all(*tasks_);
  all.ReadUntil(12);
  EXPECT_EQ(all.count_, 2);
  TaskFollower rest(*tasks_, 2);
  rest.ReadUntil(12);
  EXPECT_EQ(rest.count_, 1);
  Restart();
  TaskFollower later(*tasks_, 12);
  ASSERT_TRUE(later.ReadOne());
  EXPECT_EQ(later.count_, 0);
  EXPECT_TRUE(later.caught_up_);
}

TEST_F(TasksTest, ManyTasksComeInSeveralMessages) {
  for (int i = 0; i < 20; ++i) {
    v1::CreateTaskRequest request = TaskOf(absl::StrCat("t", i));
    request.mutable_task()->set_description(std::string(4096, 'x'));
    for (int item = 0; item < 100; ++item) request.mutable_task()->add_checklist()->set_title(std::string(256, 'y'));
    for (const char* account : {"acme", "b", "c"}) {
      if (i == 0 && account != std::string("acme")) CreateAccount(account);
      request.set_parent(std::string("accounts/") + account);
      ASSERT_TRUE(Add(request).ok());
    }
  }
  TaskFollower follower(*tasks_);
  ASSERT_TRUE(follower.ReadOne());
  EXPECT_FALSE(follower.caught_up_) << "one message has about a megabyte";
  follower.ReadUntil(60);
  EXPECT_EQ(follower.count_, 60);
  TaskFollower one(*tasks_, 0, "accounts/b");
  one.ReadUntil(60);
  EXPECT_EQ(one.count_, 20);
}

TEST_F(TasksTest, DeletionOfTheAccountIsATombstoneInTheFeed) {
  ASSERT_TRUE(Add(TaskOf("a")).ok());
  ASSERT_TRUE(Add(TaskOf("b")).ok());
  TaskFollower follower(*tasks_);
  follower.ReadUntil(2);
  ASSERT_TRUE(Delete("acme").ok());
  follower.ReadUntil(4);
  EXPECT_EQ(ToTime(follower.seen_.at("accounts/acme/tasks/a").delete_time()), clock_.Now());
  EXPECT_EQ(follower.seen_.at("accounts/acme/tasks/a").title(), "");
  ASSERT_TRUE(Undelete("acme").ok());
  follower.ReadUntil(6);
  EXPECT_EQ(follower.seen_.at("accounts/acme/tasks/b").SerializeAsString(), Got("b").SerializeAsString());
}

TEST_F(TasksTest, AWatchThatCannotBeIsRefused) {
  const auto refusal = [&](std::int64_t revision, const std::string& parent) {
    TaskFollower follower(*tasks_, revision, parent);
    EXPECT_FALSE(follower.ReadOne());
    return follower.Finish();
  };
  EXPECT_EQ(refusal(1, "").error_code(), StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(refusal(0, "accounts/none").error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(BadFields(refusal(-1, "x")), (Fields{"parent", "start_revision"}));
}

}  // namespace
}  // namespace perennial::accounts::testing
