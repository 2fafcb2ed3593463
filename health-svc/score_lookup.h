#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/base/call_info.h"
#include "common/base/mutex.h"
#include "common/server/worker_pool.h"
#include "health-svc/score_cache.h"
#include "health-svc/store/health_store.h"

namespace perennial::health {

// Finds scores that memory does not have: in Redis, else where `source` says. However many ask for the same score at
// the same time, it is looked up once; what different calls ask of Redis goes there together. Nobody who asks waits on
// a thread. Safe for many threads.
class ScoreLookup {
 public:
  // Where a score comes from that Redis does not have. `min_facts_revision` is 0, or facts up to it must be in it. Runs
  // on the pool; may block.
  using Source =
      std::function<absl::StatusOr<StoredScore>(const std::string& account, std::int64_t min_facts_revision)>;
  using Done = std::function<void(absl::StatusOr<StoredScore>)>;

  // What it has done, for those who run it. Any thread may read it.
  struct Counts {
    std::atomic<std::int64_t> sourced = 0;  // scores that had to come from the source
    std::atomic<std::int64_t> joined = 0;   // calls that waited for what another had asked for
  };

  // All must outlive this; `cache` may be null.
  ScoreLookup(ScoreCacheReader* cache, WorkerPool& pool, Source source);
  // Whoever still waits is told CANCELLED.
  ~ScoreLookup();
  ScoreLookup(const ScoreLookup&) = delete;
  ScoreLookup& operator=(const ScoreLookup&) = delete;

  // Calls `done` once, on any thread, with the score or a tombstone. RESOURCE_EXHAUSTED when too many wait. On behalf of the current
  // call (CurrentCall), where there is one.
  void Find(const std::string& account, std::int64_t min_facts_revision, Done done);

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  // Account and min_facts_revision.
  using Key = std::pair<std::string, std::int64_t>;

  struct Waiting {
    CallInfo first;  // the call that asked first
    std::vector<Done> calls;
  };

  void Loop();
  // Asks Redis for all of them.
  void LookInCache(const std::vector<Key>& keys);
  void AskSource(const Key& key);
  void Finish(const Key& key, absl::StatusOr<StoredScore> found);

  ScoreCacheReader* const cache_;
  WorkerPool& pool_;
  const Source source_;
  Counts counts_;
  Mutex mu_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  int asked_ ABSL_GUARDED_BY(mu_) = 0;  // of the source, not answered yet
  std::vector<Key> queue_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<Key, Waiting> waiting_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace perennial::health
