#pragma once

#include "absl/time/time.h"

namespace perennial {

namespace internal {
inline thread_local absl::Time current_deadline = absl::InfiniteFuture();
}

// Until when the caller waits for whom this thread works at the moment; InfiniteFuture when it works for none. What has not
// begun by then need not be done.
inline absl::Time CurrentDeadline() { return internal::current_deadline; }

// Says for its life on whose behalf this thread works.
class DeadlineScope {
 public:
  explicit DeadlineScope(absl::Time deadline) : before_(internal::current_deadline) {
    internal::current_deadline = deadline;
  }
  ~DeadlineScope() { internal::current_deadline = before_; }
  DeadlineScope(const DeadlineScope&) = delete;
  DeadlineScope& operator=(const DeadlineScope&) = delete;

 private:
  const absl::Time before_;
};

}  // namespace perennial
