#pragma once

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "health-svc/past_scores.h"
#include "health-svc/store/config_store.h"
#include "health-svc/store/health_store.h"
#include "perennial/health/v1/health_score_service.pb.h"

namespace perennial::health {

// Answers what HealthScoreService says of moments: scores as of then, and why they changed since. No gRPC server here;
// blocks; safe for many threads.
class ScoreAnswers {
 public:
  using Deadline = PastFacts::Deadline;

  // All must outlive this.
  ScoreAnswers(const PastScores& scores, HealthStore& store, ConfigStore& configs, const Portfolio& portfolio,
               const Clock& clock)
      : scores_(scores), store_(store), configs_(configs), portfolio_(portfolio), clock_(clock) {}

  // Whether the request asks for another moment or scorecard than the present.
  static bool Asks(const v1::GetHealthScoreRequest& request) {
    return request.has_as_of() || !request.scorecard().empty() || request.scorecard_revision() != 0;
  }
  absl::StatusOr<v1::GetHealthScoreResponse> Get(const v1::GetHealthScoreRequest& request, Deadline deadline) const;
  absl::StatusOr<v1::ExplainHealthScoreChangeResponse> ExplainChange(const v1::ExplainHealthScoreChangeRequest& request,
                                                                     Deadline deadline) const;

 private:
  struct Moment {
    PastScore computed;
    v1::HealthScore shown;
  };
  // What held at a time: scored by the scorecard that history names, with the override that stood.
  absl::StatusOr<Moment> At(const std::string& account, absl::Time time, Deadline deadline) const;

  const PastScores& scores_;
  HealthStore& store_;
  ConfigStore& configs_;
  const Portfolio& portfolio_;
  const Clock& clock_;
};

}  // namespace perennial::health
