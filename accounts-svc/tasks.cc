#include "accounts-svc/tasks.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/care.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/idempotency.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/base/update_mask.h"

namespace perennial::accounts {
namespace {

constexpr int kMostItems = 100;

const std::vector<std::string>& MutableFields() {
  static const auto& fields = *new std::vector<std::string>{"title",       "kind",      "assignee", "due_time",
                                                            "description", "checklist", "state",    "outcome"};
  return fields;
}

std::string NameOf(absl::string_view account_id, absl::string_view id) {
  return absl::StrCat("accounts/", account_id, "/tasks/", id);
}

absl::StatusOr<v1::Task> Decode(const TaskRecord& record) {
  v1::Task task;
  if (!task.ParseFromString(record.payload)) return absl::DataLossError("a stored task cannot be read");
  return task;
}

// Stores `task` in `record`: the client's fields and complete_time, and the columns that lists go by.
void Encode(const v1::Task& task, TaskRecord& record) {
  v1::Task stored;
  std::set<std::string> fields(MutableFields().begin(), MutableFields().end());
  fields.insert({"origin", "complete_time"});
  CopyFields(task, fields, &stored);
  if (stored.has_due_time()) SetTimestamp(StoredTime(task.due_time()), stored.mutable_due_time());
  if (stored.has_complete_time()) SetTimestamp(StoredTime(task.complete_time()), stored.mutable_complete_time());
  record.payload = stored.SerializeAsString();
  record.assignee = stored.assignee();
  record.state = static_cast<TaskState>(stored.state());
  record.due.reset();
  if (stored.has_due_time()) record.due = ToTime(stored.due_time());
  record.entry_time = stored.has_complete_time() ? ToTime(stored.complete_time()) : record.create_time;
}

void CheckItems(const v1::Task& task, BadRequest& bad) {
  if (task.checklist_size() > kMostItems) {
    bad.Add("task.checklist", absl::StrCat("must have at most ", kMostItems, " items"));
  }
  for (int i = 0; i < task.checklist_size() && i < kMostItems; ++i) {
    CheckText(absl::StrCat("task.checklist[", i, "].title"), task.checklist(i).title(), 1, 256, bad);
  }
}

// Those of the client's fields that `fields` names, each by itself.
void CheckFields(const v1::Task& task, const std::set<std::string>& fields, BadRequest& bad) {
  if (fields.contains("title")) CheckText("task.title", task.title(), 1, 256, bad);
  if (fields.contains("kind") && (task.kind() == v1::TASK_KIND_UNSPECIFIED || !v1::TaskKind_IsValid(task.kind()))) {
    bad.Add("task.kind", "is required");
  }
  if (fields.contains("assignee")) CheckText("task.assignee", task.assignee(), 0, 256, bad);
  if (fields.contains("due_time")) {
    CheckTime("task.due_time", task.has_due_time(), task.due_time(), false, absl::InfiniteFuture(), bad);
  }
  if (fields.contains("origin")) CheckText("task.origin", task.origin(), 0, 256, bad);
  if (fields.contains("description")) CheckText("task.description", task.description(), 0, 4096, bad);
  if (fields.contains("checklist")) CheckItems(task, bad);
  if (fields.contains("outcome")) CheckText("task.outcome", task.outcome(), 0, 2048, bad);
  if (fields.contains("state") && !v1::TaskState_IsValid(task.state())) bad.Add("task.state", "is no state");
}

void CheckKind(const v1::Task& task, BadRequest& bad) {
  if (task.kind() == v1::TASK_KIND_CHECKLIST && task.checklist().empty()) {
    bad.Add("task.checklist", "is required for the kind CHECKLIST");
  }
}

struct Found {
  AccountRecord account;
  TaskRecord task;
};
absl::StatusOr<Found> Find(ReadTransaction& transaction, const ChildName& name) {
  PERENNIAL_ASSIGN_OR_RETURN(AccountRecord account, LiveAccount(transaction, name.parent));
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<TaskRecord> task, transaction.FindTask(account.no, name.child));
  if (!task.has_value()) return NoSuch(NameOf(name.parent, name.child));
  return Found{std::move(account), *std::move(task)};
}

// The task as it stands, of a deleted account too: what a repeated request is answered with.
absl::Status FindStanding(ReadTransaction& transaction, absl::string_view account_id, absl::string_view id,
                          TaskRecord& record) {
  PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, KnownAccount(transaction, account_id));
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<TaskRecord> found, transaction.FindTask(account.no, id));
  if (!found.has_value()) return NoSuch(NameOf(account_id, id));
  record = *std::move(found);
  return absl::OkStatus();
}

// Stores `task` in `record` under its next version, unless nothing changes; says whether it does.
bool Advance(const v1::Task& task, absl::Time now, TaskRecord& record) {
  TaskRecord next = record;
  Encode(task, next);
  if (next.payload == record.payload) return false;
  next.update_time = now;
  ++next.version;
  record = std::move(next);
  return true;
}

absl::Status Refused(absl::string_view message, absl::string_view reason) {
  return WithReason(absl::FailedPreconditionError(message), reason);
}

}  // namespace

absl::StatusOr<v1::Task> ToProto(const TaskRecord& record) {
  PERENNIAL_ASSIGN_OR_RETURN(v1::Task out, Decode(record));
  out.set_name(NameOf(record.account_id, record.id));
  SetTimestamp(record.create_time, out.mutable_create_time());
  SetTimestamp(record.update_time, out.mutable_update_time());
  out.set_etag(EtagOf(record.version));
  out.set_revision(record.revision);
  return out;
}

absl::StatusOr<v1::CreateTaskResponse> Tasks::Create(const v1::CreateTaskRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  bad.AddIfError("task_id", CheckId(request.task_id()));
  if (!request.has_task()) bad.Add("task", "is required");
  v1::Task task = request.task();
  if (task.state() == v1::TASK_STATE_UNSPECIFIED) task.set_state(v1::TASK_STATE_OPEN);
  if (task.state() != v1::TASK_STATE_DONE) task.clear_complete_time();
  CheckTime("task.complete_time", task.has_complete_time(), task.complete_time(), false, now, bad);
  if (task.origin().empty()) task.set_origin("manual");
  std::set<std::string> fields(MutableFields().begin(), MutableFields().end());
  fields.insert("origin");
  CheckFields(task, fields, bad);
  CheckKind(task, bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  TaskRecord record;
  const auto prepare = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    PERENNIAL_ASSIGN_OR_RETURN(const auto found, transaction.FindTask(account.no, request.task_id()));
    if (found.has_value()) {
      return WithReason(absl::AlreadyExistsError(absl::StrCat(NameOf(*account_id, request.task_id()), " exists")),
                        "ALREADY_EXISTS");
    }
    record = {.account = account.no,
              .account_id = *account_id,
              .id = request.task_id(),
              .entry_time = now,
              .create_time = now,
              .update_time = now};
    if (task.state() == v1::TASK_STATE_DONE && !task.has_complete_time()) {
      SetTimestamp(now, task.mutable_complete_time());
    }
    Encode(task, record);
    return absl::OkStatus();
  };
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read(prepare));
  } else {
    PERENNIAL_RETURN_IF_ERROR(store_
                                  .Write([&](WriteTransaction& transaction) -> absl::Status {
                                    PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                    if (!first) {
                                      return FindStanding(transaction, *account_id, request.task_id(), record);
                                    }
                                    PERENNIAL_RETURN_IF_ERROR(prepare(transaction));
                                    return transaction.PutTask(record);
                                  })
                                  .status());
  }
  v1::CreateTaskResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_task(), ToProto(record));
  return response;
}

absl::StatusOr<v1::GetTaskResponse> Tasks::Get(const v1::GetTaskRequest& request) {
  const auto name = ChildOf(request.name(), "accounts", "tasks");
  if (!name.ok()) return BadField("name", name.status().message());
  v1::GetTaskResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const Found found, Find(transaction, *name));
    PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_task(), ToProto(found.task));
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::UpdateTaskResponse> Tasks::Update(const v1::UpdateTaskRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  if (!request.has_task()) bad.Add("task", "is required");
  const auto name = ChildOf(request.task().name(), "accounts", "tasks");
  bad.AddIfError("task.name", name.status());
  const std::set<std::string> fields = ResolveUpdateMask(
      request.task(), request.has_update_mask() ? &request.update_mask() : nullptr, MutableFields(), {},
      {"name", "origin", "complete_time", "create_time", "update_time", "delete_time", "etag", "revision"}, bad);
  CheckFields(request.task(), fields, bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  Found found;
  bool changed = false;
  const auto merge = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(found, Find(transaction, *name));
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.task().etag(), found.task.version, "task"));
    PERENNIAL_ASSIGN_OR_RETURN(v1::Task task, Decode(found.task));
    CopyFields(request.task(), fields, &task);
    if (task.state() == v1::TASK_STATE_UNSPECIFIED) task.set_state(v1::TASK_STATE_OPEN);
    BadRequest contradiction;
    if (task.state() == v1::TASK_STATE_DONE && found.task.state != TaskState::kDone) {
      contradiction.Add("task.state", "becomes DONE by CompleteTask only");
    }
    CheckKind(task, contradiction);
    PERENNIAL_RETURN_IF_ERROR(contradiction.ToStatus());
    if (task.state() != v1::TASK_STATE_DONE) task.clear_complete_time();
    changed = Advance(task, now, found.task);
    return absl::OkStatus();
  };
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read(merge));
  } else {
    PERENNIAL_RETURN_IF_ERROR(store_
                                  .Write([&](WriteTransaction& transaction) -> absl::Status {
                                    PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                    if (!first) return FindStanding(transaction, name->parent, name->child, found.task);
                                    PERENNIAL_RETURN_IF_ERROR(merge(transaction));
                                    return changed ? transaction.PutTask(found.task) : absl::OkStatus();
                                  })
                                  .status());
  }
  v1::UpdateTaskResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_task(), ToProto(found.task));
  return response;
}

absl::StatusOr<v1::CompleteTaskResponse> Tasks::Complete(const v1::CompleteTaskRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  const auto name = ChildOf(request.name(), "accounts", "tasks");
  bad.AddIfError("name", name.status());
  CheckText("outcome", request.outcome(), 0, 2048, bad);
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  Found found;
  PERENNIAL_RETURN_IF_ERROR(
      store_
          .Write([&](WriteTransaction& transaction) -> absl::Status {
            PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
            if (!first) return FindStanding(transaction, name->parent, name->child, found.task);
            PERENNIAL_ASSIGN_OR_RETURN(found, Find(transaction, *name));
            PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), found.task.version, "task"));
            if (found.task.state == TaskState::kDone) return absl::OkStatus();
            if (found.task.state == TaskState::kCancelled) {
              return Refused("the task is cancelled; set its state to OPEN first", "TASK_CANCELLED");
            }
            PERENNIAL_ASSIGN_OR_RETURN(v1::Task task, Decode(found.task));
            const auto open = std::count_if(task.checklist().begin(), task.checklist().end(),
                                            [](const v1::ChecklistItem& item) { return !item.done(); });
            if (task.kind() == v1::TASK_KIND_CHECKLIST && open > 0) {
              return Refused(absl::StrCat(open, " of the checklist's items are not done"), "CHECKLIST_OPEN");
            }
            task.set_state(v1::TASK_STATE_DONE);
            SetTimestamp(now, task.mutable_complete_time());
            if (!request.outcome().empty()) task.set_outcome(request.outcome());
            Advance(task, now, found.task);
            return transaction.PutTask(found.task);
          })
          .status());
  v1::CompleteTaskResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_task(), ToProto(found.task));
  return response;
}

}  // namespace perennial::accounts
