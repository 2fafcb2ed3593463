#pragma once

#include <condition_variable>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/snapshots.h"

namespace perennial::segments {

// Lets an engine look at the clock, and snapshots be taken, once a minute and right after each UTC midnight, for as long
// as it lives.
class Sweeper {
 public:
  // All must outlive this.
  Sweeper(SegmentEngine& engine, Snapshots& snapshots, const Clock& clock);
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

 private:
  void Loop();

  SegmentEngine& engine_;
  Snapshots& snapshots_;
  const Clock& clock_;
  Mutex mu_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

// How long to wait for the next sweep.
absl::Duration UntilNextSweep(absl::Time now);

}  // namespace perennial::segments
