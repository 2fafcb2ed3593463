#include "health-svc/revision_waiters.h"

#include <utility>

#include "common/base/error_details.h"

namespace perennial::health {
namespace {

absl::Status Draining() { return WithReason(absl::UnavailableError("server is draining; try again"), "DRAINING"); }

absl::Status NotReached() {
  return WithReason(absl::DeadlineExceededError("min_facts_revision was not reached in time"), "REVISION_NOT_REACHED");
}

}  // namespace

RevisionWaiters::RevisionWaiters(std::size_t most) : most_(most), thread_([this] { Loop(); }) {}

RevisionWaiters::~RevisionWaiters() {
  Drain();
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
}

bool RevisionWaiters::Wait(std::int64_t revision, Deadline deadline, Done done) {
  absl::Status answer;
  {
    MutexLock lock(mu_);
    if (draining_) {
      answer = Draining();
    } else if (revision > reached_) {
      if (waiters_.size() >= most_) return false;
      waiters_.emplace(deadline, Waiter{.revision = revision, .done = std::move(done)});
      changed_.notify_all();
      return true;
    }
  }
  done(answer);
  return true;
}

void RevisionWaiters::Finish(std::vector<Done> done, const absl::Status& status) {
  for (Done& one : done) one(status);
}

void RevisionWaiters::Advance(std::int64_t revision) {
  std::vector<Done> done;
  {
    MutexLock lock(mu_);
    reached_ = revision;
    for (auto at = waiters_.begin(); at != waiters_.end();) {
      if (at->second.revision > reached_) {
        ++at;
        continue;
      }
      done.push_back(std::move(at->second.done));
      at = waiters_.erase(at);
    }
  }
  Finish(std::move(done), absl::OkStatus());
}

void RevisionWaiters::Drain() {
  std::vector<Done> done;
  {
    MutexLock lock(mu_);
    draining_ = true;
    for (auto& [deadline, waiter] : waiters_) done.push_back(std::move(waiter.done));
    waiters_.clear();
  }
  Finish(std::move(done), Draining());
}

void RevisionWaiters::Loop() {
  for (;;) {
    std::vector<Done> late;
    {
      MutexLock lock(mu_);
      if (stopping_) return;
      if (waiters_.empty()) {
        lock.Wait(changed_);
        continue;
      }
      if (waiters_.begin()->first > std::chrono::system_clock::now()) {
        (void)lock.WaitUntil(changed_, waiters_.begin()->first);
        continue;
      }
      late.push_back(std::move(waiters_.begin()->second.done));
      waiters_.erase(waiters_.begin());
    }
    Finish(std::move(late), NotReached());
  }
}

}  // namespace perennial::health
