#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include "absl/base/thread_annotations.h"

namespace perennial::health {

// A lock for many readers and one writer, in which a waiting writer goes first: with std::shared_mutex alone, readers
// that follow each other closely keep the writer out for as long as they like.
class ABSL_LOCKABLE PortfolioLock {
 public:
  PortfolioLock() = default;
  PortfolioLock(const PortfolioLock&) = delete;
  PortfolioLock& operator=(const PortfolioLock&) = delete;

 private:
  friend class ReadLock;
  friend class WriteLock;
  std::shared_mutex mu_;
  std::mutex turnstile_;  // held by the writer; readers pass it while one waits
  std::atomic<bool> writer_waits_ = false;
};

// Holds a PortfolioLock for reading, for a scope. Not to be nested.
class ABSL_SCOPED_LOCKABLE ReadLock {
 public:
  explicit ReadLock(PortfolioLock& lock) ABSL_SHARED_LOCK_FUNCTION(lock) : lock_(lock) {
    if (lock_.writer_waits_.load(std::memory_order_acquire)) {
      const std::scoped_lock turn(lock_.turnstile_);
    }
    lock_.mu_.lock_shared();
  }
  ~ReadLock() ABSL_UNLOCK_FUNCTION() { lock_.mu_.unlock_shared(); }
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  PortfolioLock& lock_;
};

// Holds a PortfolioLock for writing, for a scope.
class ABSL_SCOPED_LOCKABLE WriteLock {
 public:
  explicit WriteLock(PortfolioLock& lock) ABSL_EXCLUSIVE_LOCK_FUNCTION(lock) : lock_(lock) {
    lock_.turnstile_.lock();
    lock_.writer_waits_.store(true, std::memory_order_release);
    lock_.mu_.lock();
  }
  ~WriteLock() ABSL_UNLOCK_FUNCTION() {
    lock_.mu_.unlock();
    lock_.writer_waits_.store(false, std::memory_order_release);
    lock_.turnstile_.unlock();
  }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  PortfolioLock& lock_;
};

}  // namespace perennial::health
