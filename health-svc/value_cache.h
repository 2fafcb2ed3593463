#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/cache/redis_client.h"
#include "health-svc/cache_writer.h"
#include "health-svc/portfolio.h"
#include "health-svc/value_book.h"
#include "perennial/health/v1/value.pb.h"

namespace perennial::health {

// Key of an account's value. What lies there is an entry of the generation of a feed of values, with a CustomerValue
// without reasons.
std::string ValueCacheKey(absl::string_view account_id);

// Writes the values of a book to Redis; see CacheWriter.
class ValueCacheWriter final : public CacheWriter {
 public:
  // Both must outlive this.
  ValueCacheWriter(std::unique_ptr<RedisClient> client, const Portfolio& portfolio, const ValueBook& book);
};

// Values in Redis, for a process that has only just started: whichever process wrote them last. Never needed: every
// failure counts as absence. Safe for many threads, one at a time.
class ValueCacheReader {
 public:
  explicit ValueCacheReader(std::unique_ptr<RedisClient> client) : client_(std::move(client)) {}
  // Nothing when it is absent, deleted or damaged. Blocks.
  std::optional<v1::CustomerValue> Get(absl::string_view account_id);

 private:
  Mutex mu_;
  std::unique_ptr<RedisClient> client_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial::health
