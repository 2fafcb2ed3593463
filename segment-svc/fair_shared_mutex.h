#pragma once

#include <mutex>
#include <shared_mutex>

#include "absl/base/thread_annotations.h"

namespace perennial::segments {

// A std::shared_mutex whose writer gets its turn: readers that come after a waiting writer wait for it. (glibc's lets
// readers that overlap each other keep a writer out for good.)
class ABSL_LOCKABLE FairSharedMutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    const std::lock_guard turn(turn_);
    mu_.lock();
  }
  void unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }
  void lock_shared() ABSL_SHARED_LOCK_FUNCTION() {
    const std::lock_guard turn(turn_);
    mu_.lock_shared();
  }
  void unlock_shared() ABSL_UNLOCK_FUNCTION() { mu_.unlock_shared(); }

 private:
  std::mutex turn_;
  std::shared_mutex mu_;
};

// Holds it for reading.
class ABSL_SCOPED_LOCKABLE ReadLock {
 public:
  explicit ReadLock(FairSharedMutex& mu) ABSL_SHARED_LOCK_FUNCTION(mu) : mu_(mu) { mu_.lock_shared(); }
  ~ReadLock() ABSL_UNLOCK_FUNCTION() { mu_.unlock_shared(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  FairSharedMutex& mu_;
};

// Holds it for writing.
class ABSL_SCOPED_LOCKABLE WriteLock {
 public:
  explicit WriteLock(FairSharedMutex& mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_.lock(); }
  ~WriteLock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  FairSharedMutex& mu_;
};

}  // namespace perennial::segments
