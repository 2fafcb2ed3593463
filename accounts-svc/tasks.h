#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/task_service.pb.h"

namespace perennial::accounts {

// A task as clients see it.
absl::StatusOr<v1::Task> ToProto(const TaskRecord& task);

// One reader of the feed of tasks: where it stands. Not thread-safe.
class TaskCursor {
 public:
  // `account_id` empty: tasks of all accounts.
  TaskCursor(Store& store, const Clock& clock, std::int64_t start_revision, std::string account_id)
      : store_(store), clock_(clock), revision_(start_revision), account_id_(std::move(account_id)) {}

  // What comes next, or nothing: caught up. OUT_OF_RANGE when the feed never gave out the revision that it started
  // from, NOT_FOUND when there is no such account.
  absl::StatusOr<std::optional<v1::WatchTasksResponse>> Next();

 private:
  Store& store_;
  const Clock& clock_;
  std::int64_t revision_;
  const std::string account_id_;
  // Revision of the last message that said "caught up"; -1 before the first.
  std::int64_t caught_up_at_ = -1;
};

// The rules of TaskService: each method checks its request, names everything that is wrong with it, and changes all or
// nothing. Thread-safe. Errors are those that the proto lists for the method.
class Tasks {
 public:
  // Both must outlive this.
  Tasks(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  absl::StatusOr<v1::CreateTaskResponse> Create(const v1::CreateTaskRequest& request);
  absl::StatusOr<v1::GetTaskResponse> Get(const v1::GetTaskRequest& request);
  absl::StatusOr<v1::ListTasksResponse> List(const v1::ListTasksRequest& request);
  absl::StatusOr<v1::UpdateTaskResponse> Update(const v1::UpdateTaskRequest& request);
  absl::StatusOr<v1::CompleteTaskResponse> Complete(const v1::CompleteTaskRequest& request);
  // Checks the request and returns where its reader starts.
  absl::StatusOr<std::unique_ptr<TaskCursor>> Watch(const v1::WatchTasksRequest& request);

 private:
  Store& store_;
  const Clock& clock_;
};

}  // namespace perennial::accounts
