#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "gateway/identity/role.h"

namespace perennial::gateway {

// Bounds how many calls are under way, the cheapest to refuse first: bulk reads take at most 60 % of the places, other reads 85 %,
// so that there is room for writes. It outlives them all: its destructor waits until every call has been released.
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

  // False when there are too many calls for one of this priority.
  [[nodiscard]] bool TryAdmit(Priority priority = Priority::kWrite) {
    MutexLock lock(mu_);
    if (calls_ >= PlacesFor(priority)) {
      ++refused_[static_cast<std::size_t>(priority)];
      return false;
    }
    ++calls_;
    return true;
  }

  // Calls refused so far.
  [[nodiscard]] std::int64_t refused(Priority priority) {
    MutexLock lock(mu_);
    return refused_[static_cast<std::size_t>(priority)];
  }
  [[nodiscard]] std::size_t under_way() {
    MutexLock lock(mu_);
    return calls_;
  }

  // A call that was admitted is over; the last thing it does.
  void Release() {
    MutexLock lock(mu_);
    // Under the lock, as the destructor may run as soon as it is given up.
    if (--calls_ == 0) released_.notify_all();
  }

 private:
  [[nodiscard]] std::size_t PlacesFor(Priority priority) const {
    const std::size_t percent = priority == Priority::kBulk ? 60 : priority == Priority::kRead ? 85 : 100;
    return std::max<std::size_t>(1, max_calls_ * percent / 100);
  }

  const std::size_t max_calls_;
  Mutex mu_;
  std::condition_variable released_;
  std::size_t calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::array<std::int64_t, 3> refused_ ABSL_GUARDED_BY(mu_) = {};
};

}  // namespace perennial::gateway
