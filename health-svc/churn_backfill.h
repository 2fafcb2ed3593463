#pragma once

#include "absl/status/status.h"
#include "health-svc/assessor.h"
#include "health-svc/past_scores.h"

namespace perennial::health {

// Finds the last scores of accounts that had churned before they were first seen: those of just before the churn.
class ChurnBackfill {
 public:
  // Both must outlive this.
  ChurnBackfill(Assessor& assessor, const PastScores& scores) : assessor_(assessor), scores_(scores) {}

  // Looks up all that wait. What could not be asked for is tried again by the next call. Blocks; for one thread.
  absl::Status Run();
  // Ends a Run() that runs, soon.
  void Stop() { stopping_ = true; }

 private:
  Assessor& assessor_;
  const PastScores& scores_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace perennial::health
