#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "common/base/mutex.h"

namespace perennial {

// Threads for work that blocks, so that it does not hold up gRPC's own.
//
// The queue is bounded: when it is full, work is refused rather than kept.
class WorkerPool {
 public:
  struct Options {
    std::size_t threads = 16;
    std::size_t max_queued = 256;
  };
  using Task = absl::AnyInvocable<void()>;

  explicit WorkerPool(Options options);
  // Runs what is queued, then joins the threads.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Queues `task`; false when the queue is full.
  [[nodiscard]] bool TryRun(Task task);

  // How many tasks wait for a thread, and how many were refused so far.
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::int64_t refused() const { return refused_; }

 private:
  void Loop();

  const Options options_;
  std::atomic<std::int64_t> refused_ = 0;
  mutable Mutex mu_;
  std::condition_variable changed_;
  std::deque<Task> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::jthread> threads_;
};

}  // namespace perennial
