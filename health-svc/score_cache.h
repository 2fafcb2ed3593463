#pragma once

#include <condition_variable>
#include <cstdint>
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

// Scores in Redis, for replicas that don't have them in memory. Never the only copy, and never needed: every failure
// counts as absence. Safe for many threads, one at a time.
class ScoreCacheReader {
 public:
  ScoreCacheReader(std::unique_ptr<RedisClient> client, std::string generation)
      : generation_(std::move(generation)), client_(std::move(client)) {}
  // Nothing when it is absent; a damaged value is deleted.
  std::optional<StoredScore> Get(absl::string_view account_id);

 private:
  const std::string generation_;
  Mutex mu_;
  std::unique_ptr<RedisClient> client_ ABSL_GUARDED_BY(mu_);
};

// Writes the portfolio's scores to Redis on a thread of its own, in order of revision and never over a newer one. It
// pulls what it has not written yet, so nothing queues up while Redis is away, and starts over after a lost connection,
// as Redis may have lost what it had.
class ScoreCacheWriter {
 public:
  // `portfolio` must outlive this.
  ScoreCacheWriter(std::unique_ptr<RedisClient> client, const Portfolio& portfolio, std::string generation);
  ~ScoreCacheWriter();
  ScoreCacheWriter(const ScoreCacheWriter&) = delete;
  ScoreCacheWriter& operator=(const ScoreCacheWriter&) = delete;

  // There may be something new. Never blocks.
  void Wake();
  // Everything up to it has been offered to Redis.
  [[nodiscard]] std::int64_t written_revision();

 private:
  void Loop();
  // Writes the next scores; false when there are none or Redis failed.
  bool WriteSome();
  [[nodiscard]] std::vector<StoredScore> Next(std::int64_t after) const;
  absl::Status Write(const std::vector<StoredScore>& scores);
  absl::Status LoadScript();

  const std::unique_ptr<RedisClient> client_;
  const Portfolio& portfolio_;
  const std::string generation_;
  std::string script_;           // hash of the loaded script; empty before
  std::int64_t connection_ = 0;  // the connection that `written_` holds for
  bool failing_ = false;
  Mutex mu_;
  std::condition_variable changed_;
  bool woken_ ABSL_GUARDED_BY(mu_) = true;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::int64_t written_ ABSL_GUARDED_BY(mu_) = 0;
  std::jthread thread_;
};

}  // namespace perennial::health
