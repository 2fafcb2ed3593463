#include "cli/watch_streams.h"

#include <chrono>

namespace perennial::cli {

void StopToken::Stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  for (grpc::ClientContext* context : open_) context->TryCancel();
  changed_.notify_all();
}

bool StopToken::stopped() const {
  const MutexLock lock(mutex_);
  return stopped_;
}

bool StopToken::WaitFor(absl::Duration time) {
  const auto end = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(time);
  MutexLock lock(mutex_);
  while (!stopped_) {
    if (!lock.WaitUntil(changed_, end)) break;
  }
  return stopped_;
}

StreamScope::StreamScope(StopToken& stop, grpc::ClientContext& context) : stop_(stop), context_(context) {
  const MutexLock lock(stop_.mutex_);
  stop_.open_.insert(&context_);
  // A call that begins on a cancelled context ends at once.
  if (stop_.stopped_) context_.TryCancel();
}

StreamScope::~StreamScope() {
  const MutexLock lock(stop_.mutex_);
  stop_.open_.erase(&context_);
}

}  // namespace perennial::cli
