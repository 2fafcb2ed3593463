#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "health-svc/assessor.h"
#include "health-svc/portfolio.h"
#include "health-svc/store/health_store.h"
#include "perennial/health/v1/health_score_service.pb.h"

namespace perennial::health {

// What makes two requests pages of one list.
std::string ListKey(const v1::ListHealthScoresRequest& request);

// Answers HealthScoreService. No gRPC here; one method each, safe for many threads. None waits for min_facts_revision:
// who calls has waited.
class HealthScores {
 public:
  // All must outlive this.
  HealthScores(const Portfolio& portfolio, HealthStore& store, Assessor& assessor, const Clock& clock)
      : portfolio_(portfolio), store_(store), assessor_(assessor), clock_(clock) {}

  // OK when nothing in the request is wrong.
  static absl::Status Check(const v1::GetHealthScoreRequest& request);
  static absl::Status Check(const v1::BatchGetHealthScoresRequest& request);
  // Looks at what the filter names unless the request waits for facts that are still to come: List does then.
  [[nodiscard]] absl::Status Check(const v1::ListHealthScoresRequest& request) const;
  static absl::Status Check(const v1::ExplainHealthScoreRequest& request);
  static absl::Status Check(const v1::GetHealthScoreRollUpRequest& request);

  // From memory, without blocking. False when memory cannot tell: ask Redis, else GetStored.
  absl::StatusOr<bool> GetFromMemory(const v1::GetHealthScoreRequest& request,
                                     v1::GetHealthScoreResponse* response) const;
  // From the store: a score, or a tombstone. Blocks.
  absl::StatusOr<StoredScore> GetStored(const std::string& account) const;
  // The answer that a score found elsewhere gives; NOT_FOUND for a tombstone.
  static absl::StatusOr<v1::GetHealthScoreResponse> ToResponse(absl::StatusOr<StoredScore> found);
  absl::StatusOr<v1::BatchGetHealthScoresResponse> BatchGet(const v1::BatchGetHealthScoresRequest& request) const;
  absl::StatusOr<v1::ListHealthScoresResponse> List(const v1::ListHealthScoresRequest& request) const;
  absl::StatusOr<v1::ExplainHealthScoreResponse> Explain(const v1::ExplainHealthScoreRequest& request) const;
  absl::StatusOr<v1::GetHealthScoreRollUpResponse> RollUp(const v1::GetHealthScoreRollUpRequest& request) const;
  absl::StatusOr<v1::ListHealthScoreHistoryResponse> ListHistory(
      const v1::ListHealthScoreHistoryRequest& request) const;
  // These block on the store.
  absl::StatusOr<v1::SetHealthScoreOverrideResponse> SetOverride(const v1::SetHealthScoreOverrideRequest& request);
  absl::StatusOr<v1::ClearHealthScoreOverrideResponse> ClearOverride(
      const v1::ClearHealthScoreOverrideRequest& request);

 private:
  const Portfolio& portfolio_;
  HealthStore& store_;
  Assessor& assessor_;
  const Clock& clock_;
};

}  // namespace perennial::health
