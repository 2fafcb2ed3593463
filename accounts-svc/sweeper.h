#pragma once

#include <condition_variable>
#include <cstdint>
#include <thread>

#include "absl/status/status.h"
#include "accounts-svc/facts_writer.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace perennial::accounts {

// Computes the facts of all accounts anew when the clock alone has changed them: after each UTC midnight, after a start on
// another day than the last sweep's, and when the set of metrics has changed. Works in small writes, so that others get
// their turn, and begins anew where a stop interrupted it.
class Sweeper {
 public:
  // All must outlive this. Starts a thread.
  Sweeper(Store& store, const FactsWriter& facts, const Clock& clock);
  ~Sweeper();

  // Sweeps if it is due; returns when done. For the start of the process and for tests; not while the thread runs.
  absl::Status SweepIfDue();

 private:
  absl::Status SweepAll();
  void Loop();
  bool Stopping();

  Store& store_;
  const FactsWriter& facts_;
  const Clock& clock_;
  std::int64_t swept_metric_changes_ = 0;
  Mutex mu_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace perennial::accounts
