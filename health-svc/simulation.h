#pragma once

#include "absl/status/statusor.h"
#include "health-svc/configurator.h"
#include "health-svc/portfolio.h"
#include "health-svc/scorecard_library.h"
#include "perennial/health/v1/scorecard_service.pb.h"

namespace perennial::health {

// Scores the whole portfolio with a draft, beside what is in force, and stores nothing. No gRPC here; safe for many
// threads. Overrides are left aside: what the scorecards compute is compared.
class Simulation {
 public:
  // All must outlive this.
  Simulation(Configurator& configurator, const ScorecardLibrary& library, const Portfolio& portfolio)
      : configurator_(configurator), library_(library), portfolio_(portfolio) {}

  // INVALID_ARGUMENT (names every fault of the draft), UNAVAILABLE while facts are still being read after a start.
  absl::StatusOr<v1::SimulateScorecardResponse> Run(const v1::SimulateScorecardRequest& request) const;

 private:
  Configurator& configurator_;
  const ScorecardLibrary& library_;
  const Portfolio& portfolio_;
};

}  // namespace perennial::health
