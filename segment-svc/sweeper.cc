#include "segment-svc/sweeper.h"

#include <algorithm>

#include "common/base/log.h"
#include "common/base/time_util.h"

namespace perennial::segments {

absl::Duration UntilNextSweep(absl::Time now) {
  const absl::Duration until_midnight = StartOfDay(DayOf(now) + 1) - now;
  return std::min(absl::Minutes(1), until_midnight);
}

Sweeper::Sweeper(SegmentEngine& engine, Snapshots& snapshots, const Clock& clock)
    : engine_(engine), snapshots_(snapshots), clock_(clock), thread_([this] { Loop(); }) {}

Sweeper::~Sweeper() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Sweeper::Loop() {
  for (;;) {
    {
      MutexLock lock(mu_);
      // A fixed clock just before midnight never gets past it.
      const absl::Duration wait = std::max(UntilNextSweep(clock_.Now()), absl::Seconds(1));
      const auto until = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(wait);
      while (!stopping_ && lock.WaitUntil(changed_, until)) {
      }
      if (stopping_) return;
    }
    const absl::Status status = engine_.Sweep();
    if (!status.ok()) Log(LogLevel::kError, "sweep failed; will be tried again", {{"status", status.ToString()}});
    const absl::Status taken = snapshots_.TakeIfDue();
    if (!taken.ok()) Log(LogLevel::kError, "no snapshot; will be tried again", {{"status", taken.ToString()}});
  }
}

}  // namespace perennial::segments
