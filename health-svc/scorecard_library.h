#pragma once

#include "absl/status/statusor.h"
#include "health-svc/configurator.h"
#include "health-svc/portfolio.h"
#include "perennial/health/v1/scorecard_service.pb.h"

namespace perennial::health {

// Answers ScorecardService. No gRPC here; safe for many threads; blocks on the store.
class ScorecardLibrary {
 public:
  // Both must outlive this.
  ScorecardLibrary(Configurator& configurator, const Portfolio& portfolio)
      : configurator_(configurator), portfolio_(portfolio) {}

  absl::StatusOr<v1::CreateScorecardResponse> Create(const v1::CreateScorecardRequest& request);
  absl::StatusOr<v1::GetScorecardResponse> Get(const v1::GetScorecardRequest& request);
  absl::StatusOr<v1::ListScorecardsResponse> List(const v1::ListScorecardsRequest& request);
  absl::StatusOr<v1::UpdateScorecardResponse> Update(const v1::UpdateScorecardRequest& request);
  absl::StatusOr<v1::DeleteScorecardResponse> Delete(const v1::DeleteScorecardRequest& request);
  absl::StatusOr<v1::ListScorecardRevisionsResponse> ListRevisions(const v1::ListScorecardRevisionsRequest& request);
  absl::StatusOr<v1::DiffScorecardRevisionsResponse> Diff(const v1::DiffScorecardRevisionsRequest& request);

  // A revision of a scorecard; 0 means the one in force. NOT_FOUND.
  absl::StatusOr<v1::Scorecard> Find(const std::string& id, std::int64_t revision);
  // Adds every fault of a scorecard to `bad`, fields under "scorecard". UNAVAILABLE while facts are not known yet.
  absl::Status Check(const v1::Scorecard& card, BadRequest& bad) const;

 private:
  Configurator& configurator_;
  const Portfolio& portfolio_;
};

// The id in "scorecards/{id}". INVALID_ARGUMENT with a sentence that completes "<field> ...".
absl::StatusOr<std::string> ScorecardOfName(absl::string_view name);

}  // namespace perennial::health
