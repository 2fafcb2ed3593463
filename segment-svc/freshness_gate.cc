#include "segment-svc/freshness_gate.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"

namespace perennial::segments {
namespace {

absl::Status OverdueStatus(const std::string& what, std::int64_t wanted, std::int64_t reached) {
  const std::string message =
      absl::StrCat(what, " up to revision ", wanted, " did not come in time; the last revision is ", reached);
  return WithReason(absl::DeadlineExceededError(message), "REVISION_NOT_REACHED");
}

absl::Status ClosedStatus() {
  return WithReason(absl::UnavailableError("server is draining; retry"), "DRAINING");
}

absl::Status FullStatus(const std::string& what) {
  const absl::Status status =
      absl::ResourceExhaustedError(absl::StrCat("too many calls wait for new ", what, "; retry with back-off"));
  return WithRetryAfter(WithReason(status, "SERVER_BUSY"), 100);
}

}  // namespace

FreshnessGate::FreshnessGate(std::string what, std::size_t most_waiting)
    : what_(std::move(what)), most_waiting_(most_waiting), thread_([this] { Loop(); }) {}

FreshnessGate::~FreshnessGate() {
  Close();
  {
    const MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FreshnessGate::Wait(std::int64_t revision, Time deadline, Then then) {
  absl::Status refused;
  {
    const MutexLock lock(mu_);
    if (Reached(revision)) {
      refused = absl::OkStatus();
    } else if (closed_) {
      refused = ClosedStatus();
    } else if (waiters_.size() >= most_waiting_) {
      refused = FullStatus(what_);
    } else {
      waiters_.emplace(revision, Waiter{deadline, std::move(then)});
      changed_.notify_all();
      return;
    }
  }
  then(refused);
}

void FreshnessGate::Advance(std::int64_t revision, std::int64_t feed) {
  std::vector<Waiters::node_type> reached;
  {
    const MutexLock lock(mu_);
    if (feed < feed_ || (feed == feed_ && revision <= reached_)) return;
    feed_ = feed;
    reached_ = revision;
    while (!waiters_.empty() && waiters_.begin()->first <= revision) {
      reached.push_back(waiters_.extract(waiters_.begin()));
    }
  }
  for (auto& waiter : reached) waiter.mapped().then(absl::OkStatus());
}

std::size_t FreshnessGate::waiting() {
  const MutexLock lock(mu_);
  return waiters_.size();
}

void FreshnessGate::Close() {
  Waiters left;
  {
    const MutexLock lock(mu_);
    closed_ = true;
    left.swap(waiters_);
  }
  for (auto& [revision, waiter] : left) waiter.then(ClosedStatus());
}

void FreshnessGate::TakeOverdue(Time now, std::vector<Waiters::node_type>& overdue) {
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    const auto waiter = at++;
    if (waiter->second.deadline <= now) overdue.push_back(waiters_.extract(waiter));
  }
}

void FreshnessGate::Loop() {
  for (;;) {
    std::vector<Waiters::node_type> overdue;
    {
      MutexLock lock(mu_);
      if (stopping_) return;
      TakeOverdue(std::chrono::system_clock::now(), overdue);
      if (overdue.empty()) {
        if (waiters_.empty()) {
          lock.Wait(changed_);
        } else {
          const auto next = std::min_element(waiters_.begin(), waiters_.end(), [](const auto& a, const auto& b) {
            return a.second.deadline < b.second.deadline;
          });
          lock.WaitUntil(changed_, next->second.deadline);
        }
        continue;
      }
    }
    for (auto& waiter : overdue) waiter.mapped().then(OverdueStatus(what_, waiter.key(), reached_));
  }
}

}  // namespace perennial::segments
