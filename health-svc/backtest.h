#pragma once

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "health-svc/past_facts.h"
#include "health-svc/portfolio.h"
#include "health-svc/scorecard_library.h"
#include "perennial/health/v1/scorecard_service.pb.h"

namespace perennial::health {

// Looks how well a scorecard would have told who churns: scores as of past dates, from the facts as of then, against
// churn within a horizon after them. Stores nothing; reads nothing of the live scores. No gRPC server here; blocks for
// as long as accounts-svc takes; safe for many threads. What it keeps in memory grows with accounts that churned, not
// with all.
class Backtest {
 public:
  // All must outlive this.
  Backtest(const PastFacts& facts, ScorecardLibrary& library, const Portfolio& portfolio, const Clock& clock)
      : facts_(facts), library_(library), portfolio_(portfolio), clock_(clock) {}

  // `make_context` makes the contexts of the calls to accounts-svc. INVALID_ARGUMENT (names every fault), NOT_FOUND,
  // FAILED_PRECONDITION (TOO_LITTLE_HISTORY), and what those calls end with.
  absl::StatusOr<v1::BacktestScorecardResponse> Run(const v1::BacktestScorecardRequest& request,
                                                    const PastFacts::MakeContext& make_context) const;

 private:
  const PastFacts& facts_;
  ScorecardLibrary& library_;
  const Portfolio& portfolio_;
  const Clock& clock_;
};

}  // namespace perennial::health
