#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "health-svc/assessor.h"
#include "health-svc/past_scores.h"
#include "health-svc/portfolio.h"

namespace perennial::health {

// Looks in the facts of the past for the last known values of facts that measures carry, where an assessor does not
// have them at hand.
class CarryLookup {
 public:
  // All must outlive this.
  CarryLookup(Assessor& assessor, const PastScores& scores, const Portfolio& portfolio)
      : assessor_(assessor), scores_(scores), portfolio_(portfolio) {}

  // Looks up all that wait. What could not be asked for is tried again by the next call. Blocks; for one thread.
  absl::Status Run();
  // Ends a Run() that runs, soon.
  void Stop() { stopping_ = true; }

 private:
  absl::Status LookUp(const Assessor::Missing& missing);

  Assessor& assessor_;
  const PastScores& scores_;
  const Portfolio& portfolio_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace perennial::health
