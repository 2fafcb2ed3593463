// Erasing accounts for good.
#include "absl/strings/str_cat.h"
#include "accounts-svc/store/account_tables.h"
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"
#include "perennial/accounts/v1/fact.pb.h"

namespace perennial::accounts {

const std::vector<AccountTable>& AccountTables() {
  static const auto& tables = *new std::vector<AccountTable>{{"accounts"},
                                                             {"account_versions"},
                                                             {"account_parents"},
                                                             {"subscriptions"},
                                                             {"subscription_versions"},
                                                             {"movements"},
                                                             {"phase_changes"},
                                                             {"moves_by_hand"},
                                                             {"contacts"},
                                                             {"contact_versions"},
                                                             {"goals"},
                                                             {"goal_versions"},
                                                             {"tasks"},
                                                             {"due"},
                                                             {"usage_last"},
                                                             {"usage_events", "record_id"},
                                                             {"usage_users", "day"},
                                                             {"usage_days", "day"},
                                                             {"records", "record_id"},
                                                             {"former_records", "record_id"},
                                                             {"record_changes", "change_no"},
                                                             {"purges"}};
  return tables;
}

absl::StatusOr<std::int64_t> SqlTransaction::CountRecords(AccountNo no) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT (SELECT count(*) FROM usage_events WHERE account_no = ?1) + (SELECT count(*) FROM "
                          "(SELECT DISTINCT kind, record_id FROM records WHERE account_no = ?1) AS r)"));
  PERENNIAL_RETURN_IF_ERROR(statement.Bind(1, no).Step().status());
  return statement.Int64(0);
}

absl::StatusOr<std::vector<AccountNo>> SqlTransaction::ListPurges() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("SELECT account_no FROM purges ORDER BY account_no LIMIT 100"));
  std::vector<AccountNo> numbers;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return numbers;
    numbers.push_back(statement.Int64(0));
  }
}

absl::StatusOr<std::optional<PurgedAccount>> SqlTransaction::FindTombstone(absl::string_view account_id) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT account_no, revision FROM facts WHERE account_id = ? AND deleted <> 0 AND "
                          "length(payload) > 0 ORDER BY revision DESC LIMIT 1"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, account_id).Step());
  if (!found) return std::nullopt;
  return PurgedAccount{.account = statement.Int64(0), .revision = statement.Int64(1)};
}

// One tombstone for all of its tasks, unless it never had any.
absl::Status SqlTransaction::BuryTasks(const AccountRecord& account, absl::Time now) {
  bool any = false;
  {
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement tasks,
                               connection_.Prepare("SELECT 1 FROM tasks WHERE account_no = ? LIMIT 1"));
    PERENNIAL_ASSIGN_OR_RETURN(any, tasks.Bind(1, account.no).Step());
  }
  if (!any) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t last, LastTaskRevision());
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement bury,
      connection_.Prepare("INSERT INTO purged_tasks (account_id, revision, purge_time) VALUES (?, ?, ?) ON CONFLICT "
                          "(account_id) DO UPDATE SET revision = excluded.revision, purge_time = excluded.purge_time"));
  return bury.Bind(1, account.id).Bind(2, last + 1).Bind(3, ToDb(now)).Run();
}

absl::StatusOr<std::int64_t> SqlTransaction::BeginPurge(const AccountRecord& account, absl::Time now) {
  PERENNIAL_RETURN_IF_ERROR(BuryTasks(account, now));
  PERENNIAL_RETURN_IF_ERROR(MarkLedger(account.no, true));
  PERENNIAL_RETURN_IF_ERROR(EraseAuditedContent(absl::StrCat("accounts/", account.id)));
  {
    // All that stays is the tombstone of the id.
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement forget,
                               connection_.Prepare("UPDATE ledgers SET account_no = 0 WHERE account_id = ?"));
    PERENNIAL_RETURN_IF_ERROR(forget.Bind(1, account.id).Run());
  }
  for (const AccountTable& table : AccountTables()) {
    if (table.step != nullptr) continue;
    PERENNIAL_ASSIGN_OR_RETURN(sql::Statement erase,
                               connection_.Prepare(absl::StrCat("DELETE FROM ", table.name, " WHERE account_no = ?")));
    PERENNIAL_RETURN_IF_ERROR(erase.Bind(1, account.no).Run());
  }
  {
    // That of an account which had the id before says nothing more.
    PERENNIAL_ASSIGN_OR_RETURN(
        sql::Statement older,
        connection_.Prepare("DELETE FROM facts WHERE account_id = ? AND deleted <> 0 AND account_no <> ?"));
    PERENNIAL_RETURN_IF_ERROR(older.Bind(1, account.id).Bind(2, account.no).Run());
  }
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement note, connection_.Prepare("INSERT INTO purges (account_no) VALUES (?)"));
  PERENNIAL_RETURN_IF_ERROR(note.Bind(1, account.no).Run());
  Touch(account.no);
  perennial::accounts::v1::PackedFacts tombstone;
  tombstone.set_purged(true);
  return PutFacts(account.no, {.account_id = account.id,
                               .deleted = true,
                               .as_of = now,
                               .payload = tombstone.SerializeAsString()});
}

absl::StatusOr<bool> SqlTransaction::PurgeSome(AccountNo no, int limit) {
  for (const AccountTable& table : AccountTables()) {
    if (table.step == nullptr) continue;
    PERENNIAL_ASSIGN_OR_RETURN(
        sql::Statement erase,
        connection_.Prepare(absl::StrCat("DELETE FROM ", table.name, " WHERE account_no = ?1 AND ", table.step,
                                         " IN (SELECT t.", table.step, " FROM ", table.name,
                                         " t WHERE t.account_no = ?1 ORDER BY t.", table.step, " LIMIT ?2)")));
    PERENNIAL_RETURN_IF_ERROR(erase.Bind(1, no).Bind(2, limit).Run());
    if (connection_.changes() > 0) return true;
  }
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement done, connection_.Prepare("DELETE FROM purges WHERE account_no = ?"));
  PERENNIAL_RETURN_IF_ERROR(done.Bind(1, no).Run());
  return false;
}

}  // namespace perennial::accounts
