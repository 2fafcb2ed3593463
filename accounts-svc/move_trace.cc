// The trace of moves by hand: listed, with those that were undone, and taken over from elsewhere.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/lifecycle_rules.h"
#include "accounts-svc/paging.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

constexpr int kTracesAtOnce = 500;

// Whether the same move is listed as undone in the same way.
absl::StatusOr<bool> IsTraced(ReadTransaction& transaction, AccountNo no, PhaseMove move, const UndoneMove& undone) {
  for (std::int64_t before = std::numeric_limits<std::int64_t>::max();;) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<TracedMove> page,
                               transaction.ListTracedMoves(no, before, true, kTracesAtOnce));
    if (page.empty()) return false;
    for (const TracedMove& traced : page) {
      move.create_time = traced.move.create_time;  // that of the copy
      if (traced.move == move && traced.undone == undone) return true;
    }
    before = page.back().no;
  }
}

}  // namespace

v1::PhaseMove ToProto(const std::string& account_id, const TracedMove& move) {
  v1::PhaseMove out;
  out.set_account(absl::StrCat("accounts/", account_id));
  out.set_phase(static_cast<v1::LifecyclePhase>(move.move.phase));
  SetTimestamp(move.move.time, out.mutable_effective_time());
  out.set_reason(move.move.reason);
  out.set_author(move.move.author);
  SetTimestamp(move.move.create_time, out.mutable_create_time());
  if (!move.undone.has_value()) return out;
  SetTimestamp(move.undone->time, out.mutable_undo_time());
  out.set_undo_author(move.undone->author);
  out.set_undo_reason(move.undone->reason);
  return out;
}

absl::StatusOr<v1::ListPhaseMovesResponse> Lifecycle::ListMoves(const v1::ListPhaseMovesRequest& request) {
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  const Page page(request, absl::StrCat(request.parent(), "\nphase moves\n", request.show_undone() ? 1 : 0), bad);
  const std::int64_t before = page.Before(bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::ListPhaseMovesResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    PERENNIAL_ASSIGN_OR_RETURN(
        std::vector<TracedMove> moves,
        transaction.ListTracedMoves(account.no, before, request.show_undone(), page.limit()));
    const auto cursor_of = [](const TracedMove& move) { return absl::StrCat(move.no); };
    return page.Fill(moves, response, cursor_of, [&](const TracedMove& move) {
      *response.add_phase_moves() = ToProto(account.id, move);
      return absl::OkStatus();
    });
  }));
  return response;
}

absl::StatusOr<v1::MoveAccountPhaseResponse> Lifecycle::TraceUndone(const v1::MoveAccountPhaseRequest& request,
                                                                    const std::string& account_id, PhaseMove move) {
  const absl::Time now = move.create_time;
  const UndoneMove undone{.time = StoredTime(request.undone().undo_time()),
                          .author = request.undone().undo_author(),
                          .reason = request.undone().undo_reason()};
  move.create_time = std::min(now, undone.time);
  v1::MoveAccountPhaseResponse response;
  const auto read = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, account_id));
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<PhaseChange> phases, transaction.ListPhaseChanges(account.no));
    for (const PhaseChange& change : phases) *response.add_phase_changes() = ToProto(change);
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t revision, transaction.LastRevision());
    response.set_revision(revision);
    return absl::OkStatus();
  };
  if (!request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(
        store_
            .Write([&](WriteTransaction& transaction) -> absl::Status {
              PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
              if (!first) return absl::OkStatus();
              PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, account_id));
              PERENNIAL_ASSIGN_OR_RETURN(const bool traced, IsTraced(transaction, account.no, move, undone));
              return traced ? absl::OkStatus() : transaction.PutPhaseMove(account.no, move, undone);
            })
            .status());
  }
  PERENNIAL_RETURN_IF_ERROR(store_.Read(read));
  return response;
}

}  // namespace perennial::accounts
