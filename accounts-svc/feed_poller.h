#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "accounts-svc/store/store.h"
#include "common/base/mutex.h"

namespace perennial::accounts {

// Notices what other processes commit to a shared store, so that watches here hear of it. Asking is the one way that
// every database with PostgreSQL's protocol offers; three questions that an index answers, `interval` apart, cost it next
// to nothing.
class FeedPoller {
 public:
  // `store` must outlive this. `on_news` is called on the poller's thread when there is something newer than before; it
  // must not block. Starts a thread.
  FeedPoller(Store& store, std::function<void()> on_news,
             std::chrono::milliseconds interval = std::chrono::milliseconds(20));
  ~FeedPoller();
  FeedPoller(const FeedPoller&) = delete;
  FeedPoller& operator=(const FeedPoller&) = delete;

 private:
  absl::Status Poll();
  void Loop();

  Store& store_;
  const std::function<void()> on_news_;
  const std::chrono::milliseconds interval_;
  std::int64_t facts_ = 0;  // greatest revisions seen
  std::int64_t tasks_ = 0;
  std::int64_t ledgers_ = 0;
  Mutex mu_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace perennial::accounts
