// Moves by hand from phase to phase, and what became of them.
#include "absl/strings/str_cat.h"
#include "accounts-svc/store/sql_transaction.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

constexpr absl::string_view kMoveColumns = "SELECT effective_time, phase, reason, author, create_time";

PhaseMove ReadMove(const sql::Statement& row) {
  return {.time = FromDb(row.Int64(0)),
          .phase = static_cast<Phase>(row.Int64(1)),
          .reason = row.Text(2),
          .author = row.Text(3),
          .create_time = FromDb(row.Int64(4))};
}

}  // namespace

absl::StatusOr<std::vector<PhaseMove>> SqlTransaction::ListPhaseMoves(AccountNo no, absl::Time until) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(absl::StrCat(kMoveColumns,
                                       " FROM moves_by_hand WHERE account_no = ? AND undo_time IS NULL AND "
                                       "effective_time <= ? ORDER BY effective_time")));
  statement.Bind(1, no).Bind(2, ToDb(until));
  std::vector<PhaseMove> moves;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return moves;
    moves.push_back(ReadMove(statement));
  }
}

absl::StatusOr<std::vector<TracedMove>> SqlTransaction::ListTracedMoves(AccountNo no, std::int64_t before, bool undone,
                                                                        int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(absl::StrCat(kMoveColumns,
                                       ", move_no, undo_time, undo_author, undo_reason FROM moves_by_hand WHERE "
                                       "account_no = ? AND move_no < ? ",
                                       undone ? "" : "AND undo_time IS NULL ", "ORDER BY move_no DESC LIMIT ?")));
  statement.Bind(1, no).Bind(2, before).Bind(3, limit);
  std::vector<TracedMove> moves;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return moves;
    TracedMove& move = moves.emplace_back(TracedMove{.no = statement.Int64(5), .move = ReadMove(statement)});
    if (statement.IsNull(6)) continue;
    move.undone = UndoneMove{.time = FromDb(statement.Int64(6)), .author = statement.Text(7), .reason = statement.Text(8)};
  }
}

absl::Status SqlTransaction::PutPhaseMove(AccountNo no, const PhaseMove& move,
                                          const std::optional<UndoneMove>& undone) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("INSERT INTO moves_by_hand (account_no, move_no, effective_time, phase, reason, author, "
                          "create_time, undo_time, undo_author, undo_reason) VALUES (?1, (SELECT coalesce(max(m.move_no), "
                          "0) + 1 FROM moves_by_hand m WHERE m.account_no = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  statement.Bind(1, no).Bind(2, ToDb(move.time)).Bind(3, static_cast<int>(move.phase)).Bind(4, move.reason);
  statement.Bind(5, move.author).Bind(6, ToDb(move.create_time));
  const UndoneMove trace = undone.value_or(UndoneMove());
  if (undone.has_value()) {
    statement.Bind(7, ToDb(trace.time));
  } else {
    statement.BindNull(7);
  }
  return statement.Bind(8, trace.author).Bind(9, trace.reason).Run();
}

absl::StatusOr<bool> SqlTransaction::UndoPhaseMove(AccountNo no, absl::Time time, const UndoneMove& undone) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("UPDATE moves_by_hand SET undo_time = ?, undo_author = ?, undo_reason = ? WHERE account_no = ? "
                          "AND effective_time = ? AND undo_time IS NULL"));
  statement.Bind(1, ToDb(undone.time)).Bind(2, undone.author).Bind(3, undone.reason);
  PERENNIAL_RETURN_IF_ERROR(statement.Bind(4, no).Bind(5, ToDb(time)).Run());
  return connection_.changes() > 0;
}

}  // namespace perennial::accounts
