#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace perennial::health {

// Calls a function again and again on a thread of its own. An error is logged when it first comes, and tried again.
class Ticker {
 public:
  Ticker(std::chrono::milliseconds interval, std::function<absl::Status()> tick);
  // Waits for a call that runs.
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  // Calls it soon, without waiting for the interval. Never blocks.
  void Wake();

 private:
  void Loop();

  const std::chrono::milliseconds interval_;
  const std::function<absl::Status()> tick_;
  Mutex mu_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  std::jthread thread_;
};

}  // namespace perennial::health
