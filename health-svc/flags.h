#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "health-svc/portfolio.h"
#include "perennial/health/v1/flag_service.pb.h"

namespace perennial::health {

// Answers FlagService. No gRPC here; safe for many threads. None waits for min_facts_revision: who calls has waited.
class Flags {
 public:
  // Both must outlive this.
  Flags(const Portfolio& portfolio, const Clock& clock) : portfolio_(portfolio), clock_(clock) {}

  // OK when nothing in the request is wrong.
  [[nodiscard]] absl::Status Check(const v1::ListFlagsRequest& request) const;
  absl::StatusOr<v1::ListFlagsResponse> List(const v1::ListFlagsRequest& request) const;
  absl::StatusOr<v1::ListFlagRulesResponse> ListRules(const v1::ListFlagRulesRequest& request) const;

 private:
  const Portfolio& portfolio_;
  const Clock& clock_;
};

}  // namespace perennial::health
