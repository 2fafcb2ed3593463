#pragma once

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace perennial {

// A std::mutex that clang's -Wthread-safety understands.
//
// Not absl::Mutex: Debian's Abseil is not built for ThreadSanitizer, which then
// reports every access that mutex guards.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mu_;
};

// Holds a Mutex for a scope.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : lock_(mu.mu_) {}
  ~MutexLock() ABSL_UNLOCK_FUNCTION() = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  // Gives the mutex up until `changed` is notified; call it in a loop.
  void Wait(std::condition_variable& changed) { changed.wait(lock_); }
  // The same, for at most `time`; false when it passed.
  template <class Duration>
  bool WaitFor(std::condition_variable& changed, Duration time) {
    return changed.wait_for(lock_, time) == std::cv_status::no_timeout;
  }
  template <class TimePoint>
  bool WaitUntil(std::condition_variable& changed, TimePoint time) {
    return changed.wait_until(lock_, time) == std::cv_status::no_timeout;
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace perennial
