// The checks of the lifecycle.
#include "tests/accounts/model/model_checks.h"

namespace perennial::accounts::testing {

std::string ModelChecks::Phases(const std::string& id, const PlainAccount& account) {
  Lines expected;
  for (const PlainPhase& phase : PhasesBy(account, model_.now())) expected.push_back(Line(phase));
  v1::ListPhaseChangesRequest request;
  request.set_parent("accounts/" + id);
  v1::ListPhaseChangesResponse response;
  grpc::ClientContext context;
  SetDeadline(context);
  const grpc::Status status = stubs_.accounts->ListPhaseChanges(&context, request, &response);
  if (!status.ok()) return absl::StrCat("ListPhaseChanges: ", status.error_message(), "\n");
  Lines actual;
  for (const v1::PhaseChange& change : response.phase_changes()) actual.push_back(Line(Plain(change)));
  return Compare("phases of " + id, expected, actual);
}

std::string ModelChecks::TimeInPhases(const std::string& id, const PlainAccount& account) {
  absl::Time as_of = model_.now();
  if (random_() % 2 == 0) as_of -= absl::Seconds(random_() % (200 * 86400));
  const bool there = account.states.begin()->first <= as_of;
  Lines expected;
  std::map<v1::LifecyclePhase, std::pair<absl::Duration, int>> stays;
  const std::vector<PlainPhase> phases = there ? PhasesBy(account, as_of) : std::vector<PlainPhase>();
  for (std::size_t i = 0; i < phases.size(); ++i) {
    expected.push_back(Line(phases[i]));
    auto& [time, entered] = stays[phases[i].phase];
    time += (i + 1 < phases.size() ? phases[i + 1].time : as_of) - phases[i].time;
    ++entered;
  }
  for (const auto& [phase, stay] : stays) {
    expected.push_back(absl::StrCat(phase, " ", absl::ToDoubleHours(stay.first) / 24, " ", stay.second));
  }
  if (there) expected.push_back(absl::StrCat("rules ", model_.rules().revision()));
  v1::GetAccountLifecycleRequest request;
  request.set_name("accounts/" + id);
  *request.mutable_as_of() = StampOf(as_of);
  v1::GetAccountLifecycleResponse response;
  grpc::ClientContext context;
  SetDeadline(context);
  const grpc::Status status = stubs_.lifecycle->GetAccountLifecycle(&context, request, &response);
  Lines actual;
  for (const v1::PhaseChange& change : response.phase_changes()) actual.push_back(Line(Plain(change)));
  for (const v1::PhaseDuration& stay : response.durations()) {
    actual.push_back(absl::StrCat(stay.phase(), " ", stay.days(), " ", stay.times_entered()));
  }
  if (status.ok()) actual.push_back(absl::StrCat("rules ", response.rules_revision()));
  if (!status.ok() && (there || status.error_code() != Code::NOT_FOUND)) return status.error_message();
  return Compare(absl::StrCat("time in the phases of ", id, " as of ", Text(as_of)), expected, actual);
}

std::string ModelChecks::Moves(const std::string& id, const PlainAccount& account) {
  std::string text;
  for (const bool undone : {false, true}) {
    Lines expected;
    for (auto trace = account.traces.rbegin(); trace != account.traces.rend(); ++trace) {
      if (!undone && !trace->undone.empty()) continue;
      expected.push_back(absl::StrCat(Text(trace->time), " ", trace->move.phase, " ", trace->move.reason, " ",
                                      trace->move.author, " ", trace->undone));
    }
    v1::ListPhaseMovesRequest request;
    request.set_parent("accounts/" + id);
    request.set_show_undone(undone);
    Lines actual;
    const auto take = [&](const v1::ListPhaseMovesResponse& response) {
      for (const v1::PhaseMove& move : response.phase_moves()) {
        const std::string how = move.has_undo_time() ? absl::StrCat(move.undo_author(), ": ", move.undo_reason()) : "";
        actual.push_back(absl::StrCat(Text(TimeOf(move.effective_time())), " ", move.phase(), " ", move.reason(), " ",
                                      move.author(), " ", how));
      }
    };
    absl::StrAppend(&text, Pages(*stubs_.lifecycle, &v1::LifecycleService::Stub::ListPhaseMoves, request, take));
    absl::StrAppend(&text, Compare(absl::StrCat("moves of ", id, undone ? " with undone ones" : ""), expected, actual));
  }
  return text;
}

}  // namespace perennial::accounts::testing
