#include "health-svc/score_lookup.h"

#include <algorithm>

#include "common/server/serve_unary.h"

namespace perennial::health {
namespace {

constexpr std::size_t kMostWaiting = 10000;  // scores that are looked up at one time
constexpr std::size_t kKeysAtOnce = 256;

}  // namespace

ScoreLookup::ScoreLookup(ScoreCacheReader* cache, WorkerPool& pool, Source source)
    : cache_(cache), pool_(pool), source_(std::move(source)), thread_([this] { Loop(); }) {}

ScoreLookup::~ScoreLookup() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  absl::flat_hash_map<Key, Waiting> left;
  {
    MutexLock lock(mu_);
    // What the pool has begun still uses this.
    while (asked_ > 0) lock.Wait(changed_);
    left.swap(waiting_);
  }
  for (const auto& [key, waiting] : left) {
    for (const Done& done : waiting.calls) done(absl::CancelledError("the server is stopping"));
  }
}

void ScoreLookup::Find(const std::string& account, std::int64_t min_facts_revision, Done done) {
  Key key(account, min_facts_revision);
  bool full = false;
  {
    MutexLock lock(mu_);
    const auto found = waiting_.find(key);
    if (found != waiting_.end()) {
      ++counts_.joined;
      found->second.calls.push_back(std::move(done));
      return;
    }
    full = stopping_ || waiting_.size() >= kMostWaiting;
    if (!full) {
      Waiting& waiting = waiting_[key];
      if (const CallInfo* const call = CurrentCall(); call != nullptr) waiting.first = *call;
      waiting.first.request = nullptr;  // gone before the others are answered
      waiting.calls.push_back(std::move(done));
      queue_.push_back(std::move(key));
    }
  }
  if (full) return done(BusyStatus());
  changed_.notify_all();
}

void ScoreLookup::Loop() {
  for (;;) {
    std::vector<Key> keys;
    {
      MutexLock lock(mu_);
      while (queue_.empty() && !stopping_) lock.Wait(changed_);
      if (stopping_) return;
      const std::size_t count = std::min(queue_.size(), kKeysAtOnce);
      keys.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    if (cache_ != nullptr) {
      LookInCache(keys);
    } else {
      for (const Key& key : keys) AskSource(key);
    }
  }
}

void ScoreLookup::LookInCache(const std::vector<Key>& keys) {
  std::vector<std::string> accounts;
  accounts.reserve(keys.size());
  for (const Key& key : keys) accounts.push_back(key.first);
  std::vector<std::optional<StoredScore>> found = cache_->GetAll(accounts);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!found[i].has_value()) {
      AskSource(keys[i]);
    } else if (keys[i].second > 0 && found[i]->score.facts_revision() < keys[i].second) {
      // An account that has not changed since looks the same: who has its facts must say.
      cache_->CountStale();
      AskSource(keys[i]);
    } else {
      Finish(keys[i], *std::move(found[i]));
    }
  }
}

void ScoreLookup::AskSource(const Key& key) {
  CallInfo first;
  {
    MutexLock lock(mu_);
    ++asked_;
    if (const auto at = waiting_.find(key); at != waiting_.end()) first = at->second.first;
  }
  ++counts_.sourced;
  const auto answered = [this, key](absl::StatusOr<StoredScore> found) {
    Finish(key, std::move(found));
    MutexLock lock(mu_);
    --asked_;
    changed_.notify_all();  // under the lock: after it this may be gone
  };
  const bool queued = pool_.TryRun([this, key, answered, first = std::move(first)] {
    const CallScope scope(first);
    answered(CallSafely([&]() -> absl::StatusOr<StoredScore> { return source_(key.first, key.second); }));
  });
  if (!queued) answered(BusyStatus());
}

void ScoreLookup::Finish(const Key& key, absl::StatusOr<StoredScore> found) {
  std::vector<Done> calls;
  {
    MutexLock lock(mu_);
    const auto at = waiting_.find(key);
    if (at == waiting_.end()) return;
    calls = std::move(at->second.calls);
    waiting_.erase(at);
  }
  // Each has one to keep; the last, mostly the only one, has the one that was found.
  for (std::size_t i = 0; i + 1 < calls.size(); ++i) calls[i](found);
  if (!calls.empty()) calls.back()(std::move(found));
}

}  // namespace perennial::health
