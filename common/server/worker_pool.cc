#include "common/server/worker_pool.h"

#include <utility>

namespace perennial {

WorkerPool::WorkerPool(Options options) : options_(options) {
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Loop(); });
}

WorkerPool::~WorkerPool() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  threads_.clear();  // joins
}

bool WorkerPool::TryRun(Task task) {
  {
    MutexLock lock(mu_);
    if (queue_.size() >= options_.max_queued) {
      ++refused_;
      return false;
    }
    queue_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

std::size_t WorkerPool::queued() const {
  MutexLock lock(mu_);
  return queue_.size();
}

void WorkerPool::Loop() {
  for (;;) {
    Task task;
    {
      MutexLock lock(mu_);
      while (queue_.empty() && !stopping_) lock.Wait(changed_);
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

}  // namespace perennial
