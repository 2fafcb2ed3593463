#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/cache/redis_client.h"
#include "health-svc/portfolio.h"
#include "health-svc/store/health_store.h"

namespace perennial::health {

// A score as it lies in Redis: generation of the store (16 hex digits), revision (19 digits), checksum (16 hex digits),
// then the HealthScore; a tombstone has none.
std::string EncodeCached(const StoredScore& score, absl::string_view generation);

// Nothing for bytes that EncodeCached did not make, or made for another generation or account: they count as absent.
std::optional<StoredScore> DecodeCached(absl::string_view account_id, absl::string_view generation,
                                        absl::string_view bytes);

// Key of an account's score.
std::string CacheKey(absl::string_view account_id);

// What readers and writers of the cache have seen, for those who run them. Any thread may read it.
struct CacheCounts {
  std::atomic<std::int64_t> hits = 0;
  std::atomic<std::int64_t> misses = 0;    // Redis has no value
  std::atomic<std::int64_t> stale = 0;     // it has one of another store, or one too old to tell
  std::atomic<std::int64_t> poisoned = 0;  // it has one that is damaged or none of ours
  std::atomic<std::int64_t> errors = 0;    // Redis could not be asked
  std::atomic<std::int64_t> written = 0;
  std::atomic<std::int64_t> write_errors = 0;  // batches that Redis did not take
};

// Scores in Redis, for replicas that don't have them in memory. Never the only copy, and never needed: every failure
// counts as absence. Safe for many threads, one at a time.
class ScoreCacheReader {
 public:
  // Takes values of the store that has this generation only; of any store when it is empty.
  ScoreCacheReader(std::unique_ptr<RedisClient> client, std::string generation)
      : generation_(std::move(generation)), client_(std::move(client)), redis_(client_->counts()) {}
  // Nothing when it is absent; a damaged value is deleted.
  std::optional<StoredScore> Get(absl::string_view account_id);
  // The same for many at once, with one exchange.
  std::vector<std::optional<StoredScore>> GetAll(const std::vector<std::string>& account_ids);
  // A value that was found is of no use: it is older than what was asked for.
  void CountStale() {
    --counts_.hits;
    ++counts_.stale;
  }

  [[nodiscard]] const CacheCounts& counts() const { return counts_; }
  [[nodiscard]] const RedisCounts& redis() const { return redis_; }

 private:
  // Adds the key of a value that is damaged to `damaged`.
  std::optional<StoredScore> Decode(const std::string& account_id, const RedisReply& reply,
                                    std::vector<RedisCommand>& damaged);

  const std::string generation_;
  CacheCounts counts_;
  Mutex mu_;
  std::unique_ptr<RedisClient> client_ ABSL_GUARDED_BY(mu_);
  const RedisCounts& redis_;
};

// Puts scores into Redis, many with one command, never over newer ones. For one thread at a time.
class ScoreCachePut {
 public:
  // `client` must outlive this.
  ScoreCachePut(RedisClient& client, std::string generation) : client_(client), generation_(std::move(generation)) {}
  // UNAVAILABLE when Redis did not take all of them; some may be there then.
  absl::Status Write(const std::vector<StoredScore>& scores);

 private:
  absl::Status LoadScript();

  RedisClient& client_;
  const std::string generation_;
  std::string script_;  // hash of the loaded script; empty before
};

// Writes the portfolio's scores to Redis on a thread of its own, in order of revision and never over a newer one. It
// pulls what it has not written yet, so nothing queues up while Redis is away, and starts over after a lost connection,
// as Redis may have lost what it had.
class ScoreCacheWriter {
 public:
  // Which accounts are written.
  using Owns = std::function<bool(absl::string_view account)>;
  // `portfolio` must outlive this.
  ScoreCacheWriter(std::unique_ptr<RedisClient> client, const Portfolio& portfolio, std::string generation, Owns owns);
  ~ScoreCacheWriter();
  ScoreCacheWriter(const ScoreCacheWriter&) = delete;
  ScoreCacheWriter& operator=(const ScoreCacheWriter&) = delete;

  // There may be something new. Never blocks.
  void Wake();
  // Everything up to it has been offered to Redis.
  [[nodiscard]] std::int64_t written_revision();
  [[nodiscard]] const CacheCounts& counts() const { return counts_; }
  [[nodiscard]] const RedisCounts& redis() const { return client_->counts(); }

 private:
  void Loop();
  // Writes the next scores; false when there are none or Redis failed.
  bool WriteSome();
  // Takes the next scores after a revision; `last` is the greatest of those looked at.
  [[nodiscard]] std::vector<StoredScore> Next(std::int64_t after, std::int64_t& last) const;

  const std::unique_ptr<RedisClient> client_;
  const Portfolio& portfolio_;
  const Owns owns_;
  ScoreCachePut put_;
  std::int64_t connection_ = 0;  // the connection that `written_` holds for
  bool failing_ = false;
  CacheCounts counts_;
  Mutex mu_;
  std::condition_variable changed_;
  bool woken_ ABSL_GUARDED_BY(mu_) = true;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::int64_t written_ ABSL_GUARDED_BY(mu_) = 0;
  std::jthread thread_;
};

}  // namespace perennial::health
