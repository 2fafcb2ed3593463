#pragma once

#include <condition_variable>
#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"

namespace perennial::gateway {

// Bounds how many calls are under way, and outlives them all: its destructor waits until every call has been released.
// What calls use (channels above all, which must not die on gRPC's own threads) is declared before it.
class CallLimit {
 public:
  explicit CallLimit(std::size_t max_calls) : max_calls_(max_calls) {}
  ~CallLimit() {
    MutexLock lock(mu_);
    while (calls_ > 0) lock.Wait(released_);
  }
  CallLimit(const CallLimit&) = delete;
  CallLimit& operator=(const CallLimit&) = delete;

  // False when there are too many calls.
  [[nodiscard]] bool TryAdmit() {
    MutexLock lock(mu_);
    if (calls_ >= max_calls_) return false;
    ++calls_;
    return true;
  }

  // A call that was admitted is over; the last thing it does.
  void Release() {
    MutexLock lock(mu_);
    // Under the lock, as the destructor may run as soon as it is given up.
    if (--calls_ == 0) released_.notify_all();
  }

 private:
  const std::size_t max_calls_;
  Mutex mu_;
  std::condition_variable released_;
  std::size_t calls_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace perennial::gateway
