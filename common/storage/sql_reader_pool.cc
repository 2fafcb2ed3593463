#include <condition_variable>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/base/error_details.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/storage/sql.h"

namespace perennial::sql {

struct ReaderPool::State {
  Options options;
  Open open;
  Mutex mu;
  std::condition_variable changed;
  std::vector<std::unique_ptr<Connection>> idle ABSL_GUARDED_BY(mu);
  std::size_t taken ABSL_GUARDED_BY(mu) = 0;
};

ReaderPool::ReaderPool(Options options, Open open) : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->open = std::move(open);
}

ReaderPool::~ReaderPool() = default;

// A connection that is idle, or a new one; nothing stays taken when it cannot be opened.
absl::StatusOr<std::unique_ptr<Connection>> ReaderPool::Take() {
  {
    MutexLock lock(state_->mu);
    const auto& most_wait = state_->options.most_wait;
    const auto deadline = std::chrono::steady_clock::now() + most_wait.value_or(std::chrono::milliseconds(0));
    while (state_->taken >= state_->options.most) {
      if (!most_wait.has_value()) {
        lock.Wait(state_->changed);
      } else if (!lock.WaitUntil(state_->changed, deadline) && state_->taken >= state_->options.most) {
        return WithRetryAfter(
            WithReason(absl::ResourceExhaustedError("too many reads at once; retry with back-off"), "STORAGE_BUSY"),
            100);
      }
    }
    ++state_->taken;
    if (!state_->idle.empty()) {
      std::unique_ptr<Connection> connection = std::move(state_->idle.back());
      state_->idle.pop_back();
      return connection;
    }
  }
  auto opened = state_->open();
  if (!opened.ok()) Give(nullptr);
  return opened;
}

void ReaderPool::Give(std::unique_ptr<Connection> connection) {
  MutexLock lock(state_->mu);
  --state_->taken;
  if (connection != nullptr && connection->alive()) state_->idle.push_back(std::move(connection));
  state_->changed.notify_one();
}

absl::Status ReaderPool::Read(const std::function<absl::Status(Connection&)>& body) {
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Take());
  absl::Status status;
  try {
    status = connection->InSnapshot([&] { return body(*connection); });
  } catch (...) {
    Give(nullptr);
    throw;
  }
  Give(std::move(connection));
  return status;
}

}  // namespace perennial::sql
