#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "health-svc/churn_rows.h"
#include "health-svc/value_ledger.h"
#include "health-svc/value_library.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::health {

// How a churn model is learnt from rows.
struct ChurnLearning {
  double ridge = 1;
  double holdout_share = 0.25;
  // The last date alone is the evaluation: its outcomes lie after those of the dates before.
  bool last_date_apart = false;
  int last_date = 0;
  int horizon_days = 365;
  absl::Time deadline = absl::InfiniteFuture();
};

// Learns a model from a part of the rows, and tells how well it knew the rest. FAILED_PRECONDITION (TOO_LITTLE_HISTORY)
// when either has too few accounts that churned or that stayed; DEADLINE_EXCEEDED.
absl::StatusOr<v1::ChurnFit> LearnChurn(ChurnRows& rows, const ChurnLearning& how);

// Fits churn models from facts as of past dates and what became of the accounts. No gRPC server here; blocks for as
// long as accounts-svc takes, at most until `deadline`; safe for many threads.
class ChurnFits {
 public:
  // All must outlive this.
  ChurnFits(const ValueHistory& history, ValueLibrary& library, const Clock& clock)
      : history_(history), library_(library), clock_(clock) {}

  // INVALID_ARGUMENT (names every fault), FAILED_PRECONDITION (TOO_LITTLE_HISTORY, OTHER_KIND), DEADLINE_EXCEEDED, and
  // what the calls to accounts-svc end with, whose contexts `make_context` makes.
  absl::StatusOr<v1::FitChurnModelResponse> Fit(const v1::FitChurnModelRequest& request,
                                                const PastFacts::MakeContext& make_context, absl::Time deadline) const;

 private:
  const ValueHistory& history_;
  ValueLibrary& library_;
  const Clock& clock_;
};

}  // namespace perennial::health
