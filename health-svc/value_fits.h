#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "health-svc/value_ledger.h"
#include "health-svc/value_library.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::health {

// A fit's parameters and likelihood, as answers and the store have them.
void SetReport(const value::Fit& fit, const std::vector<const char*>& names, v1::FitReport* out);
// Adds what is wrong with the fields that all requests for a fit have.
void CheckFit(const std::string& id, const std::string& filter, const std::string& author, const std::string& note,
              BadRequest& bad);

// Fits retention and purchase models, from the portfolio or from what the request brings. No gRPC server here; blocks
// for as long as accounts-svc and the search take, at most until `deadline`; safe for many threads.
class ValueFits {
 public:
  // All must outlive this.
  ValueFits(const ValueHistory& history, ValueLibrary& library, const Clock& clock)
      : history_(history), library_(library), clock_(clock) {}

  // INVALID_ARGUMENT (names every fault), FAILED_PRECONDITION (TOO_LITTLE_HISTORY, OTHER_KIND), DEADLINE_EXCEEDED, and
  // what the calls to accounts-svc end with, whose contexts `make_context` makes.
  absl::StatusOr<v1::FitRetentionModelResponse> FitRetention(const v1::FitRetentionModelRequest& request,
                                                             const PastFacts::MakeContext& make_context,
                                                             absl::Time deadline) const;
  absl::StatusOr<v1::FitPurchaseModelResponse> FitPurchase(const v1::FitPurchaseModelRequest& request,
                                                           const PastFacts::MakeContext& make_context,
                                                           absl::Time deadline) const;

 private:
  const ValueHistory& history_;
  ValueLibrary& library_;
  const Clock& clock_;
};

}  // namespace perennial::health
