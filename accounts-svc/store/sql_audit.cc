// The audit trail.
#include "absl/strings/str_cat.h"
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

// Texts from "accounts/acme/" until before "accounts/acme0" are those that begin with the first: '0' follows '/'.
constexpr absl::string_view kOfResource = "(resource = ? OR (resource >= ? AND resource < ?))";

void BindResource(sql::Statement& statement, int first, const std::string& resource, const std::string& begin,
                  const std::string& end) {
  statement.Bind(first, resource).Bind(first + 1, begin).Bind(first + 2, end);
}

}  // namespace

absl::StatusOr<std::vector<AuditedChange>> SqlTransaction::ListAuditEntries(const AuditQuery& query) {
  std::string sql =
      "SELECT id, event_time, caller, method, resource, old_value, new_value, trace_id FROM audit_entries WHERE "
      "event_time >= ? AND event_time < ?";
  if (query.before_time.has_value()) absl::StrAppend(&sql, " AND (event_time, id) < (?, ?)");
  if (!query.caller.empty()) absl::StrAppend(&sql, " AND caller = ?");
  if (!query.resource.empty()) absl::StrAppend(&sql, " AND ", kOfResource);
  absl::StrAppend(&sql, " ORDER BY event_time DESC, id DESC LIMIT ?");
  const std::string begin = absl::StrCat(query.resource, "/");
  const std::string end = absl::StrCat(query.resource, "0");
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare(sql));
  statement.Bind(1, ToDb(query.begin)).Bind(2, ToDb(query.end));
  int next = 3;
  if (query.before_time.has_value()) {
    statement.Bind(next, ToDb(*query.before_time)).Bind(next + 1, query.before_id);
    next += 2;
  }
  if (!query.caller.empty()) statement.Bind(next++, query.caller);
  if (!query.resource.empty()) {
    BindResource(statement, next, query.resource, begin, end);
    next += 3;
  }
  statement.Bind(next, query.limit);
  std::vector<AuditedChange> entries;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return entries;
    entries.push_back({.id = statement.Text(0),
                       .time = FromDb(statement.Int64(1)),
                       .caller = statement.Text(2),
                       .method = statement.Text(3),
                       .resource = statement.Text(4),
                       .old_value = statement.Text(5),
                       .new_value = statement.Text(6),
                       .trace_id = statement.Text(7)});
  }
}

absl::Status SqlTransaction::PutAuditEntry(const AuditedChange& entry) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("INSERT INTO audit_entries (id, event_time, caller, method, resource, old_value, new_value, "
                          "trace_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"));
  statement.Bind(1, entry.id).Bind(2, ToDb(entry.time)).Bind(3, entry.caller).Bind(4, entry.method);
  statement.Bind(5, entry.resource).Bind(6, entry.old_value).Bind(7, entry.new_value).Bind(8, entry.trace_id);
  return statement.Run();
}

absl::Status SqlTransaction::EraseAuditedContent(absl::string_view resource) {
  const std::string name(resource);
  const std::string begin = absl::StrCat(resource, "/");
  const std::string end = absl::StrCat(resource, "0");
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(absl::StrCat("UPDATE audit_entries SET old_value = '', new_value = '' WHERE ", kOfResource)));
  BindResource(statement, 1, name, begin, end);
  return statement.Run();
}

}  // namespace perennial::accounts
