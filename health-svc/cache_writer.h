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

namespace perennial::health {

// What is told of one account in Redis: a message, or, with an empty body, that it was deleted.
struct CacheEntry {
  std::string key;
  std::string account_id;
  std::int64_t revision = 0;
  std::string body = {};
};

// An entry as it lies in Redis: generation of its source (16 hex digits), revision (19 digits), checksum (16 hex
// digits), then the body.
std::string EncodeEntry(const CacheEntry& entry, absl::string_view generation);
// Revision and body; nothing for bytes that EncodeEntry did not make, or made for another generation or account.
struct DecodedEntry {
  std::int64_t revision = 0;
  absl::string_view body;  // into the bytes
};
std::optional<DecodedEntry> DecodeEntry(absl::string_view account_id, absl::string_view generation,
                                        absl::string_view bytes);
// The generation that bytes of EncodeEntry begin with; empty for too few bytes to be one.
absl::string_view GenerationOf(absl::string_view bytes);

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

// Puts entries into Redis, many with one command, never over newer ones. For one thread at a time.
class CachePut {
 public:
  // `client` must outlive this.
  CachePut(RedisClient& client, std::string generation) : client_(client), generation_(std::move(generation)) {}
  // UNAVAILABLE when Redis did not take all of them; some may be there then.
  absl::Status Write(const std::vector<CacheEntry>& entries);

 private:
  absl::Status LoadScript();

  RedisClient& client_;
  const std::string generation_;
  std::string script_;  // hash of the loaded script; empty before
};

// Writes what a source has to Redis on a thread of its own, in order of revision and never over a newer one. It pulls
// what it has not written yet, so nothing queues up while Redis is away, and starts over after a lost connection, as
// Redis may have lost what it had.
class CacheWriter {
 public:
  // The next entries after a revision, at most so many; `last` becomes the greatest revision of those looked at.
  using Next = std::function<std::vector<CacheEntry>(std::int64_t after, std::size_t most, std::int64_t& last)>;
  // `what` names the entries in the log, for example "scores".
  CacheWriter(std::unique_ptr<RedisClient> client, std::string generation, std::string what, Next next);
  ~CacheWriter();
  CacheWriter(const CacheWriter&) = delete;
  CacheWriter& operator=(const CacheWriter&) = delete;

  // There may be something new. Never blocks.
  void Wake();
  // Everything up to it has been offered to Redis.
  [[nodiscard]] std::int64_t written_revision();
  [[nodiscard]] const CacheCounts& counts() const { return counts_; }
  [[nodiscard]] const RedisCounts& redis() const { return client_->counts(); }

 private:
  void Loop();
  // Writes the next entries; false when there are none or Redis failed.
  bool WriteSome();

  const std::unique_ptr<RedisClient> client_;
  const std::string what_;
  const Next next_;
  CachePut put_;
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
