#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "health-svc/past_facts.h"
#include "health-svc/portfolio.h"
#include "health-svc/scorecard_library.h"
#include "perennial/health/v1/scorecard_service.pb.h"

namespace perennial::health {

// Least and greatest share of all weight.
struct ShareBounds {
  double least = 0;
  double most = 1;
};

// Shares that add up to 1 within bounds whose own sums allow that, as near to `shares` as an equal shift of all gets.
std::vector<double> WithinBounds(const std::vector<double>& shares, const std::vector<ShareBounds>& bounds);

// Proposes weights of a scorecard's measures: those by which the points of past dates tell best who churned, none of
// them negative, each within bounds. Stores nothing. No gRPC server here; blocks for as long as accounts-svc takes;
// safe for many threads.
class Calibration {
 public:
  // All must outlive this.
  Calibration(const PastFacts& facts, ScorecardLibrary& library, const Portfolio& portfolio, const Clock& clock)
      : facts_(facts), library_(library), portfolio_(portfolio), clock_(clock) {}

  // `make_context` makes the contexts of the calls to accounts-svc. INVALID_ARGUMENT (names every fault), NOT_FOUND,
  // FAILED_PRECONDITION (TOO_LITTLE_HISTORY), DEADLINE_EXCEEDED, and what those calls end with.
  absl::StatusOr<v1::CalibrateScorecardResponse> Run(const v1::CalibrateScorecardRequest& request,
                                                     const PastFacts::MakeContext& make_context,
                                                     absl::Time deadline) const;

 private:
  const PastFacts& facts_;
  ScorecardLibrary& library_;
  const Portfolio& portfolio_;
  const Clock& clock_;
};

}  // namespace perennial::health
