#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/lifecycle_service.pb.h"

namespace perennial::accounts {

// The rules of LifecycleService: what the rules of the lifecycle are, and who moves accounts by hand. Which phases
// follow from them is told by facts/lifecycle.h. Thread-safe. Errors are those that the proto lists for the method.
class Lifecycle {
 public:
  // Both must outlive this.
  Lifecycle(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  absl::StatusOr<v1::GetLifecycleRulesResponse> GetRules(const v1::GetLifecycleRulesRequest& request);
  absl::StatusOr<v1::UpdateLifecycleRulesResponse> UpdateRules(const v1::UpdateLifecycleRulesRequest& request);
  absl::StatusOr<v1::ListLifecycleRulesRevisionsResponse> ListRevisions(
      const v1::ListLifecycleRulesRevisionsRequest& request);
  absl::StatusOr<v1::MoveAccountPhaseResponse> Move(const v1::MoveAccountPhaseRequest& request);
  absl::StatusOr<v1::UndoPhaseMoveResponse> Undo(const v1::UndoPhaseMoveRequest& request);
  absl::StatusOr<v1::ListPhaseMovesResponse> ListMoves(const v1::ListPhaseMovesRequest& request);
  absl::StatusOr<v1::GetAccountLifecycleResponse> Get(const v1::GetAccountLifecycleRequest& request);

 private:
  // Keeps a move that was undone elsewhere.
  absl::StatusOr<v1::MoveAccountPhaseResponse> TraceUndone(const v1::MoveAccountPhaseRequest& request,
                                                           const std::string& account_id, PhaseMove move);

  Store& store_;
  const Clock& clock_;
};

// Rules as clients see them.
v1::LifecycleRules ToProto(const LifecycleRevision& revision);

// A move of an account by hand as clients see it.
v1::PhaseMove ToProto(const std::string& account_id, const TracedMove& move);

}  // namespace perennial::accounts
