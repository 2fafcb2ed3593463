// The revenue ledger: movements, and the feed of the ledgers that they make up.
#include "absl/strings/str_cat.h"
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {

absl::StatusOr<std::vector<AccountMovement>> SqlTransaction::ListMovements(const MovementQuery& query) {
  const auto bound = [](absl::Time time) {
    if (time == absl::InfinitePast()) return std::int64_t{INT64_MIN};
    return time == absl::InfiniteFuture() ? std::int64_t{INT64_MAX} : ToDb(time);
  };
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare(absl::StrCat(
                                 "SELECT effective_time, account_id, kind, amount, mrr_after FROM movements m WHERE ",
                                 query.account.has_value()
                                     ? "account_no = ?6 AND "
                                     : "NOT EXISTS (SELECT 1 FROM accounts a WHERE a.account_no = m.account_no AND "
                                       "a.delete_time IS NOT NULL) AND ",
                                 "effective_time >= ?1 AND effective_time < ?2 AND (effective_time, account_id) > "
                                 "(?3, ?4) ORDER BY effective_time, account_id LIMIT ?5")));
  statement.Bind(1, bound(query.begin)).Bind(2, bound(query.end));
  statement.Bind(3, bound(query.after_time.value_or(absl::InfinitePast())))
      .Bind(4, query.after_id)
      .Bind(5, query.limit < 0 ? INT64_MAX : std::int64_t{query.limit});
  if (query.account.has_value()) statement.Bind(6, *query.account);
  std::vector<AccountMovement> movements;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return movements;
    movements.push_back({statement.Text(1),
                         {.kind = static_cast<MovementKind>(statement.Int64(2)),
                          .time = FromDb(statement.Int64(0)),
                          .amount = statement.Int64(3),
                          .mrr_after = statement.Int64(4)}});
  }
}

absl::Status SqlTransaction::ReplaceMovements(AccountNo no, absl::string_view account_id,
                                              const std::vector<Movement>& movements) {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement clear, connection_.Prepare("DELETE FROM movements WHERE account_no = ?"));
  PERENNIAL_RETURN_IF_ERROR(clear.Bind(1, no).Run());
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement insert,
                             connection_.Prepare("INSERT INTO movements VALUES (?, ?, ?, ?, ?, ?)"));
  for (const Movement& movement : movements) {
    insert.Bind(1, ToDb(movement.time)).Bind(2, account_id).Bind(3, no).Bind(4, static_cast<int>(movement.kind));
    PERENNIAL_RETURN_IF_ERROR(insert.Bind(5, movement.amount).Bind(6, movement.mrr_after).Run());
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t last, LastLedgerRevision());
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement put,
      connection_.Prepare("INSERT INTO ledgers (account_id, account_no, revision, deleted) VALUES (?, ?, ?, 0) ON "
                          "CONFLICT (account_id) DO UPDATE SET account_no = excluded.account_no, revision = "
                          "excluded.revision, deleted = excluded.deleted"));
  return put.Bind(1, account_id).Bind(2, no).Bind(3, last + 1).Run();
}

absl::Status SqlTransaction::MarkLedger(AccountNo no, bool deleted) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t last, LastLedgerRevision());
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement mark,
      connection_.Prepare("UPDATE ledgers SET deleted = ?2, revision = ?3 WHERE account_no = ?1 AND deleted <> ?2 AND "
                          "account_id = (SELECT a.account_id FROM accounts a WHERE a.account_no = ?1)"));
  return mark.Bind(1, no).Bind(2, deleted).Bind(3, last + 1).Run();
}

absl::StatusOr<std::vector<LedgerRow>> SqlTransaction::ListLedgerFeed(std::int64_t after_revision, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT account_id, account_no, revision, deleted FROM ledgers WHERE revision > ? ORDER BY "
                          "revision LIMIT ?"));
  statement.Bind(1, after_revision).Bind(2, limit);
  std::vector<LedgerRow> rows;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return rows;
    rows.push_back({.account_id = statement.Text(0),
                    .account = statement.Int64(1),
                    .revision = statement.Int64(2),
                    .deleted = statement.Int64(3) != 0});
  }
}

// The newest row always has the greatest revision: rows are replaced, never removed.
absl::StatusOr<std::int64_t> SqlTransaction::LastLedgerRevision() {
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement, connection_.Prepare("SELECT max(revision) FROM ledgers"));
  PERENNIAL_RETURN_IF_ERROR(statement.Step().status());
  return statement.Int64(0);
}

}  // namespace perennial::accounts
