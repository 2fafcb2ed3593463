#pragma once

#include <prometheus/histogram.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/time_util.h"
#include "common/server/metrics.h"
#include "perennial/accounts/v1/fact_service.pb.h"

namespace perennial {

// How long after facts were committed a reader of their feed had done what it does with them: from a record that is acknowledged to
// the score, or the membership, that reflects it. What a reader is told that begins anew says nothing of that and does not count. Used
// on the reader's thread.
class Freshness {
 public:
  // Both must outlive this. `clock` is one with the writer's.
  Freshness(Metrics& metrics, const std::string& name, const std::string& help, const Clock& clock)
      : histogram_(metrics.Histogram(name, help, {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300})),
        clock_(clock) {}

  // The stream is opened to go on after `start_revision`.
  void Opened(std::int64_t start_revision) { live_ = live_ && start_revision > 0; }
  // All that `message` leads to has been done, and readers see it.
  void Applied(const accounts::v1::WatchFactsResponse& message) {
    const absl::Time now = clock_.Now();
    if (live_) {
      for (const accounts::v1::PackedFacts& row : message.rows()) {
        histogram_.Observe(std::max(0.0, absl::ToDoubleSeconds(now - ToTime(row.as_of()))));
      }
    }
    live_ = live_ || message.caught_up();
  }

 private:
  prometheus::Histogram& histogram_;
  const Clock& clock_;
  bool live_ = false;  // has once told all that there was
};

}  // namespace perennial
