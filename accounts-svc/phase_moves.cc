// Moves of accounts from phase to phase by hand, and what an account's phases are with them.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/facts/lifecycle.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/lifecycle_rules.h"
#include "common/base/call_info.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

absl::Time Stored(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

// The history of an account as of a moment; NOT_FOUND when it is not there now or was not then.
absl::StatusOr<AccountHistory> HistoryOf(ReadTransaction& transaction, const AccountRecord& account, absl::Time as_of) {
  absl::StatusOr<AccountHistory> history = transaction.LoadHistory(account, as_of);
  if (absl::IsNotFound(history.status())) return NoSuch(absl::StrCat("accounts/", account.id, " as of then"));
  return history;
}

std::vector<PhaseChange> PhasesOf(const AccountHistory& history, absl::Time as_of) {
  return PhaseTimeline(history, MrrTimeline(history.subscriptions, as_of), as_of);
}

PhaseMove MoveAsked(const v1::MoveAccountPhaseRequest& request, absl::Time now) {
  return {.time = request.has_effective_time() ? StoredTime(request.effective_time()) : now,
          .phase = static_cast<Phase>(request.phase()),
          .reason = request.reason(),
          .author = request.author(),
          .create_time = now};
}

// Puts a move into a history in place of one of the same moment. INVALID_ARGUMENT when it would change nothing: the
// account is in that phase at that moment without it.
absl::Status AddMove(const PhaseMove& move, AccountHistory& history) {
  auto& moves = history.moves;
  std::erase_if(moves, [&](const PhaseMove& other) { return other.time == move.time; });
  const std::vector<PhaseChange> without = PhasesOf(history, move.time);
  if (!without.empty() && without.back().phase == move.phase) {
    BadRequest bad;
    bad.Add("phase", absl::StrCat("must be another one: the account is in ", NameOf(move.phase), " at that moment"));
    return bad.ToStatus();
  }
  const auto later =
      std::find_if(moves.begin(), moves.end(), [&](const PhaseMove& other) { return other.time > move.time; });
  moves.insert(later, move);
  return absl::OkStatus();
}

// Puts the move in place of one of the same moment, which stays listed. A move that is there already is not made again.
absl::Status PutInPlace(WriteTransaction& transaction, AccountNo no, const PhaseMove& move) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<PhaseMove> standing, transaction.ListPhaseMoves(no, move.time));
  if (!standing.empty() && standing.back().time == move.time) {
    const PhaseMove& former = standing.back();
    if (former.phase == move.phase && former.reason == move.reason && former.author == move.author) {
      return absl::OkStatus();
    }
    const UndoneMove replaced{
        .time = move.create_time, .author = move.author, .reason = absl::StrCat("replaced by a move to ", NameOf(move.phase))};
    PERENNIAL_RETURN_IF_ERROR(transaction.UndoPhaseMove(no, move.time, replaced).status());
  }
  return transaction.PutPhaseMove(no, move);
}

template <class Response>
void SetPhases(const std::vector<PhaseChange>& phases, Response& response) {
  for (const PhaseChange& change : phases) *response.add_phase_changes() = ToProto(change);
}

// The account's phases as they are stored, of a deleted account too, for the answer to their change.
template <class Response>
absl::Status ReadPhases(Store& store, const std::string& id, Response& response) {
  return store.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, KnownAccount(transaction, id));
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<PhaseChange> phases, transaction.ListPhaseChanges(account.no));
    SetPhases(phases, response);
    return absl::OkStatus();
  });
}

}  // namespace

absl::StatusOr<v1::MoveAccountPhaseResponse> Lifecycle::Move(const v1::MoveAccountPhaseRequest& request) {
  const absl::Time now = Stored(clock_.Now());
  BadRequest bad;
  const auto id = IdOf(request.name(), "accounts");
  bad.AddIfError("name", id.status());
  if (request.phase() == 0 || !v1::LifecyclePhase_IsValid(request.phase())) {
    bad.Add("phase", "is required and must be a known phase");
  }
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), false, now, bad);
  CheckText("reason", request.reason(), 1, 1000, bad);
  CheckText("author", request.author(), 1, 128, bad);
  if (request.has_undone()) {
    const v1::UndonePhaseMove& undone = request.undone();
    CheckTime("undone.undo_time", undone.has_undo_time(), undone.undo_time(), true, now, bad);
    CheckText("undone.undo_author", undone.undo_author(), 0, 128, bad);
    CheckText("undone.undo_reason", undone.undo_reason(), 0, 1000, bad);
  }
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const PhaseMove move = MoveAsked(request, now);
  if (request.has_undone()) return TraceUndone(request, *id, move);

  AccountNo no = 0;
  AccountHistory history;
  const auto plan = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *id));
    no = account.no;
    PERENNIAL_ASSIGN_OR_RETURN(history, HistoryOf(transaction, account, now));
    return AddMove(move, history);
  };
  v1::MoveAccountPhaseResponse response;
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_RETURN_IF_ERROR(plan(transaction));
      PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t revision, transaction.LastRevision());
      response.set_revision(revision);
      return absl::OkStatus();
    }));
    SetPhases(PhasesOf(history, now), response);
    return response;
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t revision,
                             store_.Write([&](WriteTransaction& transaction) -> absl::Status {
                               PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                               if (!first) return absl::OkStatus();
                               PERENNIAL_RETURN_IF_ERROR(plan(transaction));
                               transaction.Touch(no);
                               return PutInPlace(transaction, no, move);
                             }));
  response.set_revision(revision);
  PERENNIAL_RETURN_IF_ERROR(ReadPhases(store_, *id, response));
  return response;
}

absl::StatusOr<v1::UndoPhaseMoveResponse> Lifecycle::Undo(const v1::UndoPhaseMoveRequest& request) {
  const absl::Time now = Stored(clock_.Now());
  BadRequest bad;
  const auto id = IdOf(request.name(), "accounts");
  bad.AddIfError("name", id.status());
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), true, absl::InfiniteFuture(),
            bad);
  CheckText("author", request.author(), 0, 128, bad);
  CheckText("reason", request.reason(), 0, 1000, bad);
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const CallInfo* const call = CurrentCall();
  const UndoneMove undone{.time = now,
                          .author = request.author().empty() && call != nullptr ? call->caller : request.author(),
                          .reason = request.reason()};
  const auto remove = [&](WriteTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
    if (!first) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *id));
    PERENNIAL_ASSIGN_OR_RETURN(const bool found,
                               transaction.UndoPhaseMove(account.no, StoredTime(request.effective_time()), undone));
    if (!found) return NoSuch(absl::StrCat("a move of accounts/", *id, " at that moment"));
    transaction.Touch(account.no);
    return absl::OkStatus();
  };
  v1::UndoPhaseMoveResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t revision, store_.Write(remove));
  response.set_revision(revision);
  PERENNIAL_RETURN_IF_ERROR(ReadPhases(store_, *id, response));
  return response;
}

absl::StatusOr<v1::GetAccountLifecycleResponse> Lifecycle::Get(const v1::GetAccountLifecycleRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  const auto id = IdOf(request.name(), "accounts");
  bad.AddIfError("name", id.status());
  const absl::Time as_of = ReadAsOf(request, now, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  AccountHistory history;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *id));
    PERENNIAL_ASSIGN_OR_RETURN(history, HistoryOf(transaction, account, as_of));
    return absl::OkStatus();
  }));
  struct Stay {
    absl::Duration time;
    int entered = 0;
  };
  const std::vector<PhaseChange> phases = PhasesOf(history, as_of);
  std::map<Phase, Stay> stays;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    Stay& stay = stays[phases[i].phase];
    stay.time += (i + 1 < phases.size() ? phases[i + 1].time : as_of) - phases[i].time;
    ++stay.entered;
  }
  v1::GetAccountLifecycleResponse response;
  SetPhases(phases, response);
  for (const auto& [phase, stay] : stays) {
    v1::PhaseDuration* out = response.add_durations();
    out->set_phase(ToProto(phase));
    out->set_days(absl::FDivDuration(stay.time, absl::Hours(24)));
    out->set_times_entered(stay.entered);
  }
  SetTimestamp(as_of, response.mutable_as_of());
  response.set_rules_revision(history.rules.revision);
  return response;
}

}  // namespace perennial::accounts
