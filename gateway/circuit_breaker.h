#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"

namespace perennial::gateway {

// Keeps calls from a service that does not answer, so that nobody waits for it in vain: open after several failures in a row,
// and after a while it lets one call through to see. Safe to use from many threads.
class CircuitBreaker {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    int most_failures = 10;
    std::chrono::milliseconds open_for{1000};
  };
  enum class Outcome { kAnswered, kFailed, kUnclear };

  CircuitBreaker() : CircuitBreaker(Options{}) {}
  explicit CircuitBreaker(Options options) : options_(options) {}

  // Whether a call may be made now. If so, Report() follows.
  [[nodiscard]] bool TryPass(Clock::time_point now = Clock::now()) {
    MutexLock lock(mu_);
    if (failures_ < options_.most_failures) return true;
    if (now < closed_until_ || probing_) return false;
    probing_ = true;
    return true;
  }
  void Report(Outcome outcome, Clock::time_point now = Clock::now()) {
    MutexLock lock(mu_);
    probing_ = false;
    if (outcome == Outcome::kAnswered) failures_ = 0;
    if (outcome != Outcome::kFailed) return;
    if (failures_ < options_.most_failures) ++failures_;
    if (failures_ >= options_.most_failures) closed_until_ = now + options_.open_for;
  }
  [[nodiscard]] bool open() const {
    MutexLock lock(mu_);
    return failures_ >= options_.most_failures;
  }

 private:
  const Options options_;
  mutable Mutex mu_;
  int failures_ ABSL_GUARDED_BY(mu_) = 0;
  bool probing_ ABSL_GUARDED_BY(mu_) = false;
  Clock::time_point closed_until_ ABSL_GUARDED_BY(mu_);
};

// How many calls may be made again: as many as a tenth of those that went well, so that retries never multiply what a service in
// trouble is asked. Safe to use from many threads.
class RetryBudget {
 public:
  [[nodiscard]] bool TrySpend() {
    MutexLock lock(mu_);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  void Earn() {
    MutexLock lock(mu_);
    if (tokens_ < kMost) tokens_ += kEarned;
  }

 private:
  static constexpr double kMost = 10;
  static constexpr double kEarned = 0.1;
  Mutex mu_;
  double tokens_ ABSL_GUARDED_BY(mu_) = kMost;
};

}  // namespace perennial::gateway
