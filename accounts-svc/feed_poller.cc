#include "accounts-svc/feed_poller.h"

#include <utility>

#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {
// Between two tries while the database is out of reach: each may wait for a connection.
constexpr std::chrono::milliseconds kPause{500};
}  // namespace

FeedPoller::FeedPoller(Store& store, std::function<void()> on_news, std::chrono::milliseconds interval)
    : store_(store), on_news_(std::move(on_news)), interval_(interval), thread_([this] { Loop(); }) {}

FeedPoller::~FeedPoller() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

absl::Status FeedPoller::Poll() {
  const std::int64_t facts = facts_;
  const std::int64_t tasks = tasks_;
  const std::int64_t ledgers = ledgers_;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(facts_, transaction.LastRevision());
    PERENNIAL_ASSIGN_OR_RETURN(tasks_, transaction.LastTaskRevision());
    PERENNIAL_ASSIGN_OR_RETURN(ledgers_, transaction.LastLedgerRevision());
    return absl::OkStatus();
  }));
  if (facts_ != facts || tasks_ != tasks || ledgers_ != ledgers) on_news_();
  return absl::OkStatus();
}

void FeedPoller::Loop() {
  bool failing = false;
  for (;;) {
    const absl::Status status = Poll();
    if (!status.ok() && !failing) {
      Log(LogLevel::kWarning, "watches do not hear of other replicas; trying again", {{"status", status.ToString()}});
    }
    failing = !status.ok();
    MutexLock lock(mu_);
    if (stopping_) return;
    lock.WaitFor(changed_, failing ? kPause : interval_);
    if (stopping_) return;
  }
}

}  // namespace perennial::accounts
