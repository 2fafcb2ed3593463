#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/cache/redis_client.h"
#include "health-svc/cache_writer.h"
#include "health-svc/portfolio.h"
#include "health-svc/store/health_store.h"

namespace perennial::health {

// A score as it lies in Redis: an entry of the store's generation whose body is the HealthScore; a tombstone has none.
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
  ScoreCachePut(RedisClient& client, std::string generation) : put_(client, std::move(generation)) {}
  // UNAVAILABLE when Redis did not take all of them; some may be there then.
  absl::Status Write(const std::vector<StoredScore>& scores);

 private:
  CachePut put_;
};

// Writes the portfolio's scores to Redis; see CacheWriter.
class ScoreCacheWriter final : public CacheWriter {
 public:
  // Which accounts are written.
  using Owns = std::function<bool(absl::string_view account)>;
  // `portfolio` must outlive this.
  ScoreCacheWriter(std::unique_ptr<RedisClient> client, const Portfolio& portfolio, std::string generation, Owns owns);
};

}  // namespace perennial::health
