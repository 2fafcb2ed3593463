#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace perennial::segments {

// Lets calls wait for a revision, of facts or of the ledger, without keeping a thread each. Safe to use from many threads.
class FreshnessGate {
 public:
  using Time = std::chrono::system_clock::time_point;
  // Must not block.
  using Then = absl::AnyInvocable<void(const absl::Status&)>;

  // `what` has revisions, for errors: "facts".
  explicit FreshnessGate(std::string what = "facts", std::size_t most_waiting = 1000);
  // Ends what waits, as Close() does.
  ~FreshnessGate();
  FreshnessGate(const FreshnessGate&) = delete;
  FreshnessGate& operator=(const FreshnessGate&) = delete;

  [[nodiscard]] bool Reached(std::int64_t revision) const { return revision <= reached_; }
  // Calls `then` exactly once, on any thread, perhaps before it returns: with OK once `revision` is reached,
  // DEADLINE_EXCEEDED when it is not in time, RESOURCE_EXHAUSTED when too many wait, UNAVAILABLE when the gate
  // closes.
  void Wait(std::int64_t revision, Time deadline, Then then);
  // `feed` counts the feeds that revisions are of; those of an earlier one count no more.
  void Advance(std::int64_t revision, std::int64_t feed = 0);
  // How many calls wait.
  [[nodiscard]] std::size_t waiting();
  // Lets nobody wait any more, for the stop of the process.
  void Close();

 private:
  struct Waiter {
    Time deadline;
    Then then;
  };
  using Waiters = std::multimap<std::int64_t, Waiter>;  // by revision

  void Loop();
  void TakeOverdue(Time now, std::vector<Waiters::node_type>& overdue) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string what_;
  const std::size_t most_waiting_;
  std::atomic<std::int64_t> reached_ = 0;
  Mutex mu_;
  std::condition_variable changed_;
  std::int64_t feed_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  Waiters waiters_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;  // for deadlines
};

}  // namespace perennial::segments
