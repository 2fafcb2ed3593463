// Which accounts lie below which.
#include "accounts-svc/store/sql_transaction.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {

absl::StatusOr<std::vector<ChildAccount>> SqlTransaction::ListChildren(absl::string_view parent, absl::Time as_of,
                                                                          int limit) {
  // account_parents names every account that was ever below the parent; its version of then tells whether it was.
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          "SELECT a.account_no, a.account_id, v.state FROM account_parents p JOIN accounts a ON "
          "a.account_no = p.account_no JOIN account_versions v ON v.account_no = a.account_no AND "
          "v.effective_time = (SELECT max(w.effective_time) FROM account_versions w WHERE w.account_no = "
          "a.account_no AND w.effective_time <= ?2) WHERE p.parent = ?1 AND a.delete_time IS NULL ORDER "
          "BY a.account_id"));
  statement.Bind(1, parent).Bind(2, ToDb(as_of));
  std::vector<ChildAccount> children;
  while (children.size() < static_cast<std::size_t>(limit)) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    PERENNIAL_ASSIGN_OR_RETURN(AccountState state, DecodeState(statement.View(2)));
    if (state.parent != parent) continue;
    children.push_back({statement.Int64(0), statement.Text(1), std::move(state.display_name)});
  }
  return children;
}

absl::StatusOr<Micros> SqlTransaction::FindMrr(AccountNo no, absl::Time as_of) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT mrr_after FROM movements WHERE account_no = ? AND effective_time "
                          "<= ? ORDER BY effective_time DESC LIMIT 1"));
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Bind(1, no).Bind(2, ToDb(as_of)).Step());
  return found ? statement.Int64(0) : Micros{0};
}

absl::Status SqlTransaction::PutParent(AccountNo no, absl::string_view parent) {
  if (parent.empty()) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("INSERT INTO account_parents VALUES (?, ?) ON CONFLICT (parent, account_no) DO NOTHING"));
  return statement.Bind(1, parent).Bind(2, no).Run();
}

}  // namespace perennial::accounts
