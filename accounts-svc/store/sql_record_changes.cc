// Records one by one: their states, corrections and deletions.
#include <algorithm>
#include <set>

#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

constexpr std::int64_t kNeverUsed = INT64_MAX;
constexpr AccountNo kAccountsAtOnce = 10'000;

absl::StatusOr<std::vector<StoredRecord>> AllRecords(sql::Statement& statement) {
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

absl::StatusOr<std::vector<RecordChange>> AllChanges(sql::Statement& statement) {
  std::vector<RecordChange> changes;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return changes;
    changes.push_back({.no = statement.Int64(0),
                       .kind = static_cast<int>(statement.Int64(1)),
                       .record_id = statement.Text(2),
                       .time = FromDb(statement.Int64(3)),
                       .reason = statement.Text(4),
                       .author = statement.Text(5),
                       .before = statement.Text(6)});
    if (!statement.IsNull(7)) changes.back().after = statement.Text(7);
  }
}

}  // namespace

absl::StatusOr<std::vector<StoredRecord>> SqlTransaction::ListRecordStates(AccountNo no, RecordKind kind,
                                                                           absl::string_view record_id) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT kind, record_id, event_time, update_time, payload FROM records WHERE account_no = ? "
                          "AND kind = ? AND record_id = ? AND event_time > ? ORDER BY update_time"));
  statement.Bind(1, no).Bind(2, static_cast<int>(kind)).Bind(3, record_id).Bind(4, kDeletedRecordTime);
  return AllRecords(statement);
}

absl::StatusOr<std::vector<StoredRecord>> SqlTransaction::ListRecords(AccountNo no, const StoredRecord& after,
                                                                      int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT kind, record_id, event_time, update_time, payload FROM records WHERE account_no = ? AND (kind, "
          "record_id, update_time) > (?, ?, ?) AND event_time > ? ORDER BY kind, record_id, update_time LIMIT ?"));
  statement.Bind(1, no).Bind(2, static_cast<int>(after.kind)).Bind(3, after.record_id).Bind(4, ToDb(after.update_time));
  statement.Bind(5, kDeletedRecordTime).Bind(6, limit);
  return AllRecords(statement);
}

absl::StatusOr<std::vector<UsageEvent>> SqlTransaction::ListUsage(AccountNo no, absl::string_view after, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT record_id, metric_no, event_time, value, \"user\" FROM usage_events WHERE account_no = "
          "? AND record_id > ? AND event_time > ? ORDER BY record_id LIMIT ?"));
  statement.Bind(1, no).Bind(2, after).Bind(3, kDeletedRecordTime).Bind(4, limit);
  std::vector<UsageEvent> events;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return events;
    events.push_back({.record_id = statement.Text(0),
                      .metric = statement.Int64(1),
                      .time = FromDb(statement.Int64(2)),
                      .value = statement.Double(3),
                      .user = statement.Text(4)});
  }
}

absl::Status SqlTransaction::ReplaceRecord(AccountNo no, const StoredRecord& record) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement clear,
      connection_.Prepare("DELETE FROM records WHERE account_no = ? AND kind = ? AND record_id = ?"));
  PERENNIAL_RETURN_IF_ERROR(clear.Bind(1, no).Bind(2, static_cast<int>(record.kind)).Bind(3, record.record_id).Run());
  if (!record.deleted) return PutRecord(no, record);
  StoredRecord mark{.kind = record.kind, .record_id = record.record_id};
  mark.time = mark.update_time = FromDb(kDeletedRecordTime);
  return PutRecord(no, mark);
}

absl::Status SqlTransaction::ReplaceUsage(AccountNo no, const UsageEvent& event) {
  PERENNIAL_RETURN_IF_ERROR(FlushUsage());
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<UsageEvent> before, FindUsage(no, event.record_id));
  if (!before.has_value() || before->deleted) return absl::NotFoundError("there is no such usage event");
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement update,
      connection_.Prepare("UPDATE usage_events SET metric_no = ?, event_time = ?, value = ?, \"user\" = ? WHERE "
                          "account_no = ? AND record_id = ?"));
  if (event.deleted) {
    update.Bind(1, 0).Bind(2, kDeletedRecordTime).Bind(3, 0.0).Bind(4, "");
  } else {
    update.Bind(1, event.metric).Bind(2, ToDb(event.time)).Bind(3, event.value).Bind(4, event.user);
  }
  PERENNIAL_RETURN_IF_ERROR(update.Bind(5, no).Bind(6, event.record_id).Run());
  PERENNIAL_RETURN_IF_ERROR(SumUsageDayAnew(no, before->metric, DayOf(before->time)));
  if (!event.deleted) PERENNIAL_RETURN_IF_ERROR(SumUsageDayAnew(no, event.metric, DayOf(event.time)));
  PERENNIAL_RETURN_IF_ERROR(FindLastUseAnew(no, before->metric));
  if (!event.deleted) PERENNIAL_RETURN_IF_ERROR(FindLastUseAnew(no, event.metric));
  if (event.metric == before->metric && !event.deleted && event.time <= before->time) return absl::OkStatus();
  return FindFirstTimeAnew(before->metric, before->time);
}

// From the events, because taking a number away from a sum of doubles does not give the sum of the others.
absl::Status SqlTransaction::SumUsageDayAnew(AccountNo no, std::int64_t metric, std::int64_t day) {
  for (const absl::string_view table : {"DELETE FROM usage_days WHERE account_no = ? AND day = ? AND metric_no = ?",
                                        "DELETE FROM usage_users WHERE account_no = ? AND day = ? AND metric_no = ?"}) {
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement clear, connection_.Prepare(table));
    PERENNIAL_RETURN_IF_ERROR(clear.Bind(1, no).Bind(2, day).Bind(3, metric).Run());
  }
  double total = 0;
  std::set<std::string> users;
  bool any = false;
  {
    PERENNIAL_ASSIGN_OR_RETURN(
        sql::Statement events,
        connection_.Prepare("SELECT value, \"user\" FROM usage_events WHERE account_no = ? AND event_time >= ? AND "
                            "event_time < ? AND metric_no = ? ORDER BY event_time, record_id"));
    events.Bind(1, no).Bind(2, ToDb(StartOfDay(day))).Bind(3, ToDb(StartOfDay(day + 1))).Bind(4, metric);
    for (;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const bool row, events.Step());
      if (!row) break;
      any = true;
      total += events.Double(0);
      if (events.Double(0) > 0 && !events.View(1).empty()) users.insert(events.Text(1));
    }
  }
  if (!any) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement sum, connection_.Prepare("INSERT INTO usage_days VALUES (?, ?, ?, ?)"));
  PERENNIAL_RETURN_IF_ERROR(sum.Bind(1, no).Bind(2, day).Bind(3, metric).Bind(4, total).Run());
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement put, connection_.Prepare("INSERT INTO usage_users VALUES (?, ?, ?, ?)"));
  for (const std::string& user : users) {
    PERENNIAL_RETURN_IF_ERROR(put.Bind(1, no).Bind(2, day).Bind(3, metric).Bind(4, user).Run());
  }
  return absl::OkStatus();
}

absl::Status SqlTransaction::FindLastUseAnew(AccountNo no, std::int64_t metric) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement clear,
                             connection_.Prepare("DELETE FROM usage_last WHERE account_no = ? AND metric_no = ?"));
  PERENNIAL_RETURN_IF_ERROR(clear.Bind(1, no).Bind(2, metric).Run());
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement put,
      connection_.Prepare("INSERT INTO usage_last SELECT account_no, metric_no, day FROM usage_days WHERE account_no = "
                          "? AND metric_no = ? AND total > 0 ORDER BY day DESC LIMIT 1"));
  return put.Bind(1, no).Bind(2, metric).Run();
}

// The least number that `sql` finds for `metric`, `begin` and `end` in the accounts of a range of numbers, over all
// accounts, range by range so that no statement takes long. The parameters stand in that order after those of the
// range.
absl::StatusOr<std::int64_t> SqlTransaction::LeastOfAllAccounts(absl::string_view sql, std::int64_t metric,
                                                                std::int64_t begin, std::int64_t end) {
  AccountNo most = 0;
  {
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement last, connection_.Prepare("SELECT max(account_no) FROM accounts"));
    PERENNIAL_RETURN_IF_ERROR(last.Step().status());
    most = last.Int64(0);
  }
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare(sql));
  std::int64_t least = kNeverUsed;
  for (AccountNo after = 0; after < most; after += kAccountsAtOnce) {
    statement.Bind(1, after).Bind(2, after + kAccountsAtOnce).Bind(3, metric).Bind(4, begin).Bind(5, end);
    PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
    if (!statement.IsNull(0)) least = std::min(least, statement.Int64(0));
    statement.Reset();
  }
  return least;
}

// Only when the metric's first event may be the one that is gone: the search looks through the daily sums of all
// accounts. They say on which day the metric began, and then only that day's events are looked at.
absl::Status SqlTransaction::FindFirstTimeAnew(std::int64_t metric, absl::Time lost) {
  {
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement known,
                               connection_.Prepare("SELECT first_time FROM metrics WHERE metric_no = ?"));
    PERENNIAL_ASSIGN_OR_RETURN(const bool found, known.Bind(1, metric).Step());
    if (!found || known.Int64(0) < ToDb(lost)) return absl::OkStatus();
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      std::int64_t first,
      LeastOfAllAccounts(
          "SELECT min(day) FROM usage_days WHERE account_no > ? AND account_no <= ? AND metric_no = ? AND "
          "day >= ? AND day < ?",
          metric, DayOf(lost), kNeverUsed));
  if (first != kNeverUsed) {
    PERENNIAL_ASSIGN_OR_RETURN(
        first, LeastOfAllAccounts("SELECT min(e.event_time) FROM usage_days d JOIN usage_events e ON e.account_no = "
                                  "d.account_no AND e.metric_no = d.metric_no WHERE d.account_no > ?1 AND d.account_no "
                                  "<= ?2 AND d.metric_no = ?3 AND e.event_time >= ?4 AND e.event_time < ?5 AND d.day = "
                                  "?4 / 86400000000",
                                  metric, ToDb(StartOfDay(first)), ToDb(StartOfDay(first + 1))));
  }
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement put,
                             connection_.Prepare("UPDATE metrics SET first_time = ? WHERE metric_no = ?"));
  return put.Bind(1, first).Bind(2, metric).Run();
}

absl::StatusOr<bool> SqlTransaction::IsFormerRecord(AccountNo no, int kind, absl::string_view record_id,
                                                    absl::string_view payload) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT payload FROM former_records WHERE account_no = ? AND kind = ? AND record_id = ?"));
  statement.Bind(1, no).Bind(2, kind).Bind(3, record_id);
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return false;
    if (statement.View(0) == payload) return true;
  }
}

absl::Status SqlTransaction::PutFormerRecord(AccountNo no, int kind, absl::string_view record_id,
                                             absl::string_view payload) {
  PERENNIAL_ASSIGN_OR_RETURN(const bool known, IsFormerRecord(no, kind, record_id, payload));
  if (known) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "INSERT INTO former_records (account_no, kind, record_id, content_no, payload) VALUES (?1, ?2, "
          "?3, (SELECT coalesce(max(content_no), 0) + 1 FROM former_records WHERE account_no = ?1 AND "
          "kind = ?2 AND record_id = ?3), ?4)"));
  return statement.Bind(1, no).Bind(2, kind).Bind(3, record_id).BindBlob(4, payload).Run();
}

absl::StatusOr<std::vector<RecordChange>> SqlTransaction::ListRecordChanges(AccountNo no, std::int64_t before,
                                                                            int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT change_no, kind, record_id, change_time, reason, author, content_before, content_after "
          "FROM record_changes WHERE account_no = ? AND change_no < ? ORDER BY change_no DESC LIMIT ?"));
  statement.Bind(1, no).Bind(2, before).Bind(3, limit);
  return AllChanges(statement);
}

absl::StatusOr<std::optional<RecordChange>> SqlTransaction::FindRecordChange(AccountNo no, int kind,
                                                                             absl::string_view record_id) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT change_no, kind, record_id, change_time, reason, author, content_before, content_after "
          "FROM record_changes WHERE account_no = ? AND kind = ? AND record_id = ? ORDER BY change_no "
          "DESC LIMIT 1"));
  statement.Bind(1, no).Bind(2, kind).Bind(3, record_id);
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<RecordChange> changes, AllChanges(statement));
  if (changes.empty()) return std::nullopt;
  return std::move(changes.front());
}

absl::Status SqlTransaction::PutRecordChange(AccountNo no, RecordChange& change) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "INSERT INTO record_changes (account_no, change_no, kind, record_id, change_time, reason, author, "
          "content_before, content_after) VALUES (?1, (SELECT coalesce(max(change_no), 0) + 1 FROM record_changes "
          "WHERE "
          "account_no = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING change_no"));
  statement.Bind(1, no).Bind(2, change.kind).Bind(3, change.record_id).Bind(4, ToDb(change.time));
  statement.Bind(5, change.reason).Bind(6, change.author).BindBlob(7, change.before);
  if (change.after.has_value()) {
    statement.BindBlob(8, *change.after);
  } else {
    statement.BindNull(8);
  }
  PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
  change.no = statement.Int64(0);
  return statement.Step().status();
}

}  // namespace perennial::accounts
