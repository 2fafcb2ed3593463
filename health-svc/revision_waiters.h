#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace perennial::health {

// Calls that wait until facts up to a revision are scored, without a thread each. Safe for many threads.
class RevisionWaiters {
 public:
  using Deadline = std::chrono::system_clock::time_point;
  // OK once the revision is reached, DEADLINE_EXCEEDED, or UNAVAILABLE when the process stops. Must not block.
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  explicit RevisionWaiters(std::size_t most = 10000);
  // Tells everyone who still waits that the process stops.
  ~RevisionWaiters();
  RevisionWaiters(const RevisionWaiters&) = delete;
  RevisionWaiters& operator=(const RevisionWaiters&) = delete;

  // Calls `done` once, on any thread, perhaps before this returns. False, without calling it, when too many wait.
  [[nodiscard]] bool Wait(std::int64_t revision, Deadline deadline, Done done);
  // Everything up to `revision` is scored now.
  void Advance(std::int64_t revision);
  // Ends all waits, present and future, with UNAVAILABLE.
  void Drain();

 private:
  struct Waiter {
    std::int64_t revision = 0;
    Done done;
  };
  void Loop();
  static void Finish(std::vector<Done> done, const absl::Status& status);

  const std::size_t most_;
  Mutex mu_;
  std::condition_variable changed_;
  std::int64_t reached_ ABSL_GUARDED_BY(mu_) = 0;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::multimap<Deadline, Waiter> waiters_ ABSL_GUARDED_BY(mu_);
  std::jthread thread_;
};

}  // namespace perennial::health
