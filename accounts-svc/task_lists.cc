// ListTasks and WatchTasks: tasks of many accounts.
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/facts.h"
#include "accounts-svc/paging.h"
#include "accounts-svc/tasks.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

constexpr int kTasksAMessage = 500;
constexpr std::size_t kMostBytes = 1 << 20;  // of tasks in a message; clients take 4 MiB by default

// Ids have no '/', so that it parts them.
std::string CursorOf(const TaskRecord& task) {
  return absl::StrCat(task.due.has_value() ? absl::StrCat(absl::ToUnixMicros(*task.due)) : "-", "/", task.account_id,
                      "/", task.id);
}

absl::Status ReadCursor(const std::string& cursor, TaskQuery& query) {
  if (cursor.empty()) return absl::OkStatus();
  const std::vector<std::string> parts = absl::StrSplit(cursor, '/');
  std::int64_t micros = 0;
  if (parts.size() != 3 || (parts[0] != "-" && !absl::SimpleAtoi(parts[0], &micros))) {
    return absl::InvalidArgumentError("is damaged");
  }
  if (parts[0] != "-") query.after_due = absl::FromUnixMicros(micros);
  query.after_account = parts[1];
  query.after_id = parts[2];
  return absl::OkStatus();
}

// A task of a deleted account, which is gone for its readers.
v1::Task Tombstone(const TaskRecord& record) {
  v1::Task out;
  out.set_name(absl::StrCat("accounts/", record.account_id, "/tasks/", record.id));
  out.set_revision(record.revision);
  SetTimestamp(*record.account_delete_time, out.mutable_delete_time());
  return out;
}

}  // namespace

absl::StatusOr<v1::ListTasksResponse> Tasks::List(const v1::ListTasksRequest& request) {
  BadRequest bad;
  v1::ListTasksRequest same = request;
  same.clear_page_size();
  same.clear_page_token();
  const bool all = request.parent() == "accounts/-";
  const auto account_id = all ? absl::StatusOr<std::string>("") : IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  const Page page(request, absl::StrCat("tasks\n", same.SerializeAsString()), bad);
  TaskQuery query;
  bad.AddIfError("page_token", ReadCursor(page.cursor(), query));
  CheckText("assignee", request.assignee(), 0, 256, bad);
  if (!v1::TaskState_IsValid(request.state())) bad.Add("state", "is no state");
  const absl::Time ever = absl::InfiniteFuture();
  CheckTime("due_start_time", request.has_due_start_time(), request.due_start_time(), false, ever, bad);
  CheckTime("due_end_time", request.has_due_end_time(), request.due_end_time(), false, ever, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  query.limit = page.limit();
  if (!request.assignee().empty()) query.assignee = request.assignee();
  if (request.state() != v1::TASK_STATE_UNSPECIFIED) query.state = static_cast<TaskState>(request.state());
  if (request.has_due_start_time()) query.due_begin = ToTime(request.due_start_time());
  if (request.has_due_end_time()) query.due_end = ToTime(request.due_end_time());
  v1::ListTasksResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    if (!all) {
      PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
      query.account = account.no;
    }
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<TaskRecord> tasks, transaction.ListTasks(query));
    return page.Fill(tasks, response, &CursorOf, [&](const TaskRecord& task) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(*response.add_tasks(), ToProto(task));
      return absl::OkStatus();
    });
  }));
  return response;
}

absl::StatusOr<std::unique_ptr<TaskCursor>> Tasks::Watch(const v1::WatchTasksRequest& request) {
  BadRequest bad;
  if (request.start_revision() < 0) bad.Add("start_revision", "must not be negative");
  const auto account_id =
      request.parent().empty() ? absl::StatusOr<std::string>("") : IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return std::make_unique<TaskCursor>(store_, clock_, request.start_revision(), *account_id);
}

absl::StatusOr<std::optional<v1::WatchTasksResponse>> TaskCursor::Next() {
  v1::WatchTasksResponse message;
  bool more = false;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t last, transaction.LastTaskRevision());
    PERENNIAL_RETURN_IF_ERROR(CheckGivenOut(revision_, last));
    if (!account_id_.empty() && caught_up_at_ < 0) {
      PERENNIAL_ASSIGN_OR_RETURN(const auto account, transaction.FindAccount(account_id_));
      if (!account.has_value()) return NoSuch(absl::StrCat("accounts/", account_id_));
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<TaskRecord> tasks,
                               transaction.ListTaskFeed(revision_, kTasksAMessage));
    std::size_t bytes = 0;
    more = tasks.size() == kTasksAMessage;
    for (const TaskRecord& task : tasks) {
      if (bytes >= kMostBytes) {
        more = true;
        break;
      }
      revision_ = task.revision;
      if (!account_id_.empty() && task.account_id != account_id_) continue;
      bytes += task.payload.size();
      if (task.account_delete_time.has_value()) {
        *message.add_tasks() = Tombstone(task);
      } else {
        PERENNIAL_ASSIGN_OR_RETURN(*message.add_tasks(), ToProto(task));
      }
    }
    return absl::OkStatus();
  }));
  if (!more && caught_up_at_ == revision_) return std::nullopt;
  message.set_progress_revision(revision_);
  message.set_caught_up(!more);
  SetTimestamp(clock_.Now(), message.mutable_server_time());
  if (!more) caught_up_at_ = revision_;
  return message;
}

}  // namespace perennial::accounts
