#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace perennial::gateway {

// What one caller may ask for, so that none takes the place of all others. 0 means as much as it likes.
struct CallerLimitOptions {
  // Calls a second in the long run.
  double rate = 0;
  // Calls at once after a rest; 0 means one second's.
  double burst = 0;
  // Calls under way.
  std::size_t concurrent = 0;
};

// Counts the calls of each caller. Outlives the tickets it gave. Safe to use from many threads.
class CallerLimits {
 public:
  using Clock = std::chrono::steady_clock;

  // The place of a call that is under way; given back when it is destroyed.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(CallerLimits* limits, std::string caller) : limits_(limits), caller_(std::move(caller)) {}
    Ticket(Ticket&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), caller_(std::move(other.caller_)) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(limits_, other.limits_);
      std::swap(caller_, other.caller_);
      return *this;
    }
    ~Ticket() {
      if (limits_ != nullptr) limits_->Release(caller_);
    }

   private:
    CallerLimits* limits_ = nullptr;
    std::string caller_;
  };

  explicit CallerLimits(CallerLimitOptions options) : options_(options) {
    if (options_.burst <= 0) options_.burst = options_.rate < 1 ? 1 : options_.rate;
  }

  // RESOURCE_EXHAUSTED (CALLER_RATE or CALLER_CONCURRENCY) with a RetryInfo when `caller` asks for too much.
  absl::StatusOr<Ticket> Admit(const std::string& caller, Clock::time_point now = Clock::now());

 private:
  struct State {
    double tokens = 0;
    Clock::time_point filled;
    std::size_t running = 0;
  };
  void Release(const std::string& caller);
  void Fill(State& state, Clock::time_point now) const;
  // Drops callers who are as good as new, when there are many.
  void Forget(Clock::time_point now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  CallerLimitOptions options_;
  Mutex mu_;
  absl::flat_hash_map<std::string, State> callers_ ABSL_GUARDED_BY(mu_);
  Clock::time_point forgotten_ ABSL_GUARDED_BY(mu_);  // when Forget() last looked at all
};

}  // namespace perennial::gateway
