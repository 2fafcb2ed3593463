// Contacts and goals, with their versions; tasks, with their feed; the timeline.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "accounts-svc/store/sql_transaction.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

constexpr std::int64_t kNoDue = INT64_MAX;

// "contact" of "contacts", "contact_versions" and "contact_id".
absl::string_view NounOf(CareKind kind) { return kind == CareKind::kContact ? "contact" : "goal"; }

constexpr absl::string_view kCareColumns = "version, effective_time, create_time, update_time, delete_time, payload";

std::string SelectCare(CareKind kind, absl::string_view suffix, absl::string_view rest) {
  return absl::StrCat("SELECT ", NounOf(kind), "_id, ", kCareColumns, " FROM ", NounOf(kind), suffix,
                      " WHERE account_no = ? AND ", NounOf(kind), "_id ", rest);
}

CareRecord ReadCare(const sql::Statement& row) {
  return {.id = row.Text(0),
          .payload = row.Text(6),
          .create_time = FromDb(row.Int64(3)),
          .update_time = FromDb(row.Int64(4)),
          .delete_time = FromDb(row.MaybeInt64(5)),
          .effective = FromDb(row.Int64(2)),
          .version = row.Int64(1)};
}

absl::StatusOr<std::optional<CareRecord>> OneCare(sql::Statement& statement) {
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return std::nullopt;
  return ReadCare(statement);
}

constexpr absl::string_view kTaskColumns =
    "SELECT t.account_no, t.account_id, t.task_id, t.revision, t.version, t.state, t.assignee, t.due_key, "
    "t.entry_time, "
    "t.create_time, t.update_time, t.payload, a.delete_time FROM tasks t JOIN accounts a ON a.account_no = "
    "t.account_no ";

TaskRecord ReadTask(const sql::Statement& row) {
  TaskRecord task{.account = row.Int64(0),
                  .account_id = row.Text(1),
                  .id = row.Text(2),
                  .payload = row.Text(11),
                  .assignee = row.Text(6),
                  .state = static_cast<TaskState>(row.Int64(5)),
                  .entry_time = FromDb(row.Int64(8)),
                  .create_time = FromDb(row.Int64(9)),
                  .update_time = FromDb(row.Int64(10)),
                  .version = row.Int64(4),
                  .revision = row.Int64(3),
                  .account_delete_time = FromDb(row.MaybeInt64(12))};
  if (row.Int64(7) != kNoDue) task.due = FromDb(row.Int64(7));
  return task;
}

absl::StatusOr<std::vector<TaskRecord>> AllTasks(sql::Statement& statement) {
  std::vector<TaskRecord> tasks;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return tasks;
    tasks.push_back(ReadTask(statement));
  }
}

std::int64_t DueKey(std::optional<absl::Time> due) { return due.has_value() ? ToDb(*due) : kNoDue; }

// Bounds of a range of times. The ends of all time become the ends of all numbers.
std::int64_t Bound(absl::Time time) {
  if (time == absl::InfinitePast()) return INT64_MIN;
  return time == absl::InfiniteFuture() ? INT64_MAX : ToDb(time);
}

// One text for each set of conditions, so that each is compiled once and can use an index.
std::string ListTasksSql(const TaskQuery& query) {
  std::string sql = absl::StrCat(kTaskColumns, "WHERE a.delete_time IS NULL");
  if (query.account.has_value()) absl::StrAppend(&sql, " AND t.account_no = ?");
  if (query.assignee.has_value()) absl::StrAppend(&sql, " AND t.assignee = ?");
  if (query.state.has_value()) absl::StrAppend(&sql, " AND t.state = ?");
  if (query.due_begin.has_value()) absl::StrAppend(&sql, " AND t.due_key >= ?");
  if (query.due_end.has_value()) absl::StrAppend(&sql, " AND t.due_key < ?");
  if (query.due_begin.has_value() || query.due_end.has_value()) absl::StrAppend(&sql, " AND t.due_key <> ?");
  if (!query.after_id.empty()) absl::StrAppend(&sql, " AND (t.due_key, t.account_id, t.task_id) > (?, ?, ?)");
  absl::StrAppend(&sql, " ORDER BY t.due_key, t.account_id, t.task_id LIMIT ?");
  return sql;
}

}  // namespace

absl::StatusOr<std::optional<CareRecord>> SqlTransaction::FindCare(AccountNo no, CareKind kind, absl::string_view id) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare(SelectCare(kind, "s", "= ?")));
  return OneCare(statement.Bind(1, no).Bind(2, id));
}

absl::StatusOr<std::optional<CareRecord>> SqlTransaction::FindCareAsOf(AccountNo no, CareKind kind,
                                                                       absl::string_view id, absl::Time as_of) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(SelectCare(kind, "_versions", "= ? AND effective_time <= ? ORDER BY version DESC LIMIT 1")));
  return OneCare(statement.Bind(1, no).Bind(2, id).Bind(3, ToDb(as_of)));
}

absl::StatusOr<std::vector<CareRecord>> SqlTransaction::ListCare(AccountNo no, CareKind kind, absl::string_view after,
                                                                 bool show_deleted, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(SelectCare(kind, "s",
                                     absl::StrCat("> ?", show_deleted ? "" : " AND delete_time IS NULL", " ORDER BY ",
                                                  NounOf(kind), "_id LIMIT ?"))));
  statement.Bind(1, no).Bind(2, after).Bind(3, limit);
  std::vector<CareRecord> records;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return records;
    records.push_back(ReadCare(statement));
  }
}

absl::Status SqlTransaction::PutCare(AccountNo no, CareKind kind, const CareRecord& record) {
  const auto run = [&](const std::string& sql) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare(sql));
    statement.Bind(1, no).Bind(2, record.id).Bind(3, record.version).Bind(4, ToDb(record.effective));
    statement.Bind(5, ToDb(record.create_time)).Bind(6, ToDb(record.update_time)).Bind(7, ToDb(record.delete_time));
    return statement.BindBlob(8, record.payload).Run();
  };
  const absl::string_view noun = NounOf(kind);
  PERENNIAL_RETURN_IF_ERROR(run(absl::StrCat("INSERT INTO ", noun, "_versions (account_no, ", noun, "_id, ",
                                             kCareColumns, ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)")));
  return run(absl::StrCat(
      "INSERT INTO ", noun, "s (account_no, ", noun, "_id, ", kCareColumns,
      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_no, ", noun,
      "_id) DO UPDATE SET version = excluded.version, effective_time = excluded.effective_time, create_time = "
      "excluded.create_time, update_time = excluded.update_time, delete_time = excluded.delete_time, payload = "
      "excluded.payload"));
}

// Of each goal the version that held then.
absl::Status SqlTransaction::LoadGoals(AccountNo no, absl::Time as_of, AccountHistory& history) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT g.goal_id, g.delete_time, g.payload FROM goal_versions g WHERE g.account_no = ? AND "
          "g.version = (SELECT max(h.version) FROM goal_versions h WHERE h.account_no = g.account_no AND "
          "h.goal_id = g.goal_id AND h.effective_time <= ?) ORDER BY g.goal_id"));
  statement.Bind(1, no).Bind(2, ToDb(as_of));
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return absl::OkStatus();
    if (!statement.IsNull(1)) continue;
    PERENNIAL_ASSIGN_OR_RETURN(Goal goal, DecodeGoal(statement.View(0), statement.View(2)));
    if (goal.due.has_value() && *goal.due >= as_of) {  // overdue right after it
      history.next_change = std::min(history.next_change, *goal.due + absl::Microseconds(1));
    }
    history.goals.push_back(std::move(goal));
  }
}

absl::StatusOr<std::optional<TaskRecord>> SqlTransaction::FindTask(AccountNo no, absl::string_view id) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare(absl::StrCat(
                                                           kTaskColumns, "WHERE t.account_no = ? AND t.task_id = ?")));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, no).Bind(2, id).Step());
  if (!found) return std::nullopt;
  return ReadTask(statement);
}

absl::StatusOr<std::vector<TaskRecord>> SqlTransaction::ListTasks(const TaskQuery& query) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare(ListTasksSql(query)));
  int at = 0;
  if (query.account.has_value()) statement.Bind(++at, *query.account);
  if (query.assignee.has_value()) statement.Bind(++at, *query.assignee);
  if (query.state.has_value()) statement.Bind(++at, static_cast<int>(*query.state));
  if (query.due_begin.has_value()) statement.Bind(++at, ToDb(*query.due_begin));
  if (query.due_end.has_value()) statement.Bind(++at, ToDb(*query.due_end));
  if (query.due_begin.has_value() || query.due_end.has_value()) statement.Bind(++at, kNoDue);
  if (!query.after_id.empty()) {
    statement.Bind(at + 1, DueKey(query.after_due)).Bind(at + 2, query.after_account).Bind(at + 3, query.after_id);
    at += 3;
  }
  return AllTasks(statement.Bind(++at, query.limit));
}

absl::StatusOr<std::vector<TaskRecord>> SqlTransaction::ListTaskFeed(std::int64_t after_revision, int limit) {
  std::vector<TaskRecord> tasks;
  {
    PERENNIAL_ASSIGN_OR_RETURN(
        sql::Statement statement,
        connection_.Prepare(absl::StrCat(kTaskColumns, "WHERE t.revision > ? ORDER BY t.revision LIMIT ?")));
    PERENNIAL_ASSIGN_OR_RETURN(tasks, AllTasks(statement.Bind(1, after_revision).Bind(2, limit)));
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement purged,
      connection_.Prepare("SELECT account_id, revision, purge_time FROM purged_tasks WHERE revision > ? ORDER BY "
                          "revision LIMIT ?"));
  purged.Bind(1, after_revision).Bind(2, limit);
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, purged.Step());
    if (!row) break;
    TaskRecord& all = tasks.emplace_back();  // of the account
    all.account_id = purged.Text(0);
    all.id.push_back('-');
    all.revision = purged.Int64(1);
    all.account_delete_time = FromDb(purged.Int64(2));
  }
  std::sort(tasks.begin(), tasks.end(),
            [](const TaskRecord& a, const TaskRecord& b) { return a.revision < b.revision; });
  if (tasks.size() > static_cast<std::size_t>(limit)) tasks.resize(static_cast<std::size_t>(limit));
  return tasks;
}

// The newest row always has the greatest revision: rows are replaced, and removed only by a purge, which leaves a newer one.
absl::StatusOr<std::int64_t> SqlTransaction::LastTaskRevision() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT max(l.revision) FROM (SELECT max(revision) AS revision FROM "
                                                 "tasks UNION ALL SELECT max(revision) AS revision FROM purged_tasks) "
                                                 "AS l"));
  PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
  return statement.Int64(0);
}

absl::Status SqlTransaction::PutTask(TaskRecord& task) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t last, LastTaskRevision());
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "INSERT INTO tasks (account_no, task_id, account_id, revision, version, state, assignee, due_key, "
          "entry_time, "
          "create_time, update_time, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_no, "
          "task_id) "
          "DO UPDATE SET revision = excluded.revision, version = excluded.version, state = excluded.state, assignee = "
          "excluded.assignee, due_key = excluded.due_key, entry_time = excluded.entry_time, update_time = "
          "excluded.update_time, payload = excluded.payload"));
  statement.Bind(1, task.account).Bind(2, task.id).Bind(3, task.account_id).Bind(4, last + 1).Bind(5, task.version);
  statement.Bind(6, static_cast<int>(task.state)).Bind(7, task.assignee).Bind(8, DueKey(task.due));
  statement.Bind(9, ToDb(task.entry_time)).Bind(10, ToDb(task.create_time)).Bind(11, ToDb(task.update_time));
  PERENNIAL_RETURN_IF_ERROR(statement.BindBlob(12, task.payload).Run());
  task.revision = last + 1;
  return absl::OkStatus();
}

absl::Status SqlTransaction::RenumberTasks(AccountNo no) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t last, LastTaskRevision());
  // All new revisions are greater than all old ones, so that they meet none on the way.
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("UPDATE tasks SET revision = ? + (SELECT count(*) FROM tasks u WHERE u.account_no = "
                          "tasks.account_no AND u.task_id <= tasks.task_id) WHERE account_no = ?"));
  return statement.Bind(1, last).Bind(2, no).Run();
}

absl::StatusOr<std::vector<StoredRecord>> SqlTransaction::ListTimelineRecords(const TimelineQuery& query) {
  if (query.kinds.empty()) return std::vector<StoredRecord>();
  const std::string kinds = absl::StrJoin(
      query.kinds, ", ", [](std::string* out, RecordKind kind) { absl::StrAppend(out, static_cast<int>(kind)); });
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          absl::StrCat("SELECT r.kind, r.record_id, r.event_time, r.update_time, r.payload FROM records r WHERE "
                       "r.account_no = ? AND "
                       "r.event_time >= ? AND r.event_time < ? AND r.kind IN (",
                       kinds,
                       ") AND NOT EXISTS (SELECT 1 FROM records n WHERE "
                       "n.account_no = r.account_no AND n.kind = r.kind AND n.record_id = r.record_id AND "
                       "n.update_time > r.update_time)",
                       query.after_time.has_value() ? " AND (r.event_time, r.kind, r.record_id) < (?, ?, ?)" : "",
                       " ORDER BY r.event_time DESC, r.kind DESC, r.record_id DESC LIMIT ?")));
  int at = 3;
  statement.Bind(1, query.account).Bind(2, std::max(Bound(query.begin), kDeletedRecordTime + 1));
  statement.Bind(3, Bound(query.end));
  if (query.after_time.has_value()) {
    statement.Bind(4, ToDb(*query.after_time)).Bind(5, query.after_kind).Bind(6, query.after_id);
    at = 6;
  }
  statement.Bind(at + 1, query.limit);
  std::vector<StoredRecord> records;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return records;
    records.push_back({.kind = static_cast<RecordKind>(statement.Int64(0)),
                       .record_id = statement.Text(1),
                       .time = FromDb(statement.Int64(2)),
                       .update_time = FromDb(statement.Int64(3)),
                       .payload = statement.Text(4)});
  }
}

absl::StatusOr<std::vector<TaskRecord>> SqlTransaction::ListTimelineTasks(const TimelineQuery& query) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare(absl::StrCat(
                                 kTaskColumns, "WHERE t.account_no = ? AND t.entry_time >= ? AND t.entry_time < ?",
                                 query.after_time.has_value() ? " AND (t.entry_time, t.task_id) < (?, ?)" : "",
                                 " ORDER BY t.entry_time DESC, t.task_id DESC LIMIT ?")));
  int at = 3;
  statement.Bind(1, query.account).Bind(2, Bound(query.begin)).Bind(3, Bound(query.end));
  if (query.after_time.has_value()) {
    statement.Bind(4, ToDb(*query.after_time)).Bind(5, query.after_id);
    at = 5;
  }
  return AllTasks(statement.Bind(at + 1, query.limit));
}

}  // namespace perennial::accounts
