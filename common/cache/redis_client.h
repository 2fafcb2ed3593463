#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct redisContext;

namespace perennial {

// An answer of Redis.
struct RedisReply {
  enum class Type : unsigned char { kNil, kText, kInteger, kArray, kError };
  Type type = Type::kNil;
  // Of a text or an error (such as "NOSCRIPT ..." or "LOADING ...").
  std::string text = {};
  std::int64_t integer = 0;
  std::vector<RedisReply> array = {};
};

// One command with its arguments; any bytes are allowed.
using RedisCommand = std::vector<std::string>;

struct RedisOptions {
  // "host:port".
  std::string address;
  // Longest that connecting and each read or write may take.
  std::chrono::milliseconds timeout{50};
  // After so many failures in a row nothing is tried for `pause`: a Redis that hangs costs its timeout a few times, not
  // each time.
  int most_failures = 5;
  std::chrono::milliseconds pause{1000};
};

// What a client has done, for those who run it. Any thread may read it.
struct RedisCounts {
  std::atomic<std::int64_t> exchanges = 0;  // batches of commands that were sent, or tried to be
  std::atomic<std::int64_t> failures = 0;   // of those
  std::atomic<std::int64_t> refused = 0;    // batches that were not tried as the circuit was open
  std::atomic<bool> open = false;           // the circuit: Redis failed so often that it is left alone for a while
};

// A connection to Redis with time limits and a circuit breaker, for one thread at a time. Connects when first used and
// again after a failure.
class RedisClient {
 public:
  // INVALID_ARGUMENT with a sentence that completes "<flag> ..." for an address that is no host:port.
  static absl::StatusOr<std::unique_ptr<RedisClient>> Create(RedisOptions options);
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // Sends all commands at once and returns their answers in order; an error of a command is an answer. UNAVAILABLE when
  // Redis did not answer in time or the circuit is open: any of the commands may have taken effect.
  absl::StatusOr<std::vector<RedisReply>> Run(const std::vector<RedisCommand>& commands);
  // The same for `count` commands that are made one after another, while Redis carries out those before. What `make`
  // returns must live until it is called again.
  using Make = absl::FunctionRef<const RedisCommand&(std::size_t)>;
  absl::StatusOr<std::vector<RedisReply>> Run(std::size_t count, Make make);

  // How many connections have been made: when it has grown, what was known of the server may no longer hold.
  [[nodiscard]] std::int64_t connections() const { return connections_; }
  [[nodiscard]] const RedisCounts& counts() const { return counts_; }

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };
  RedisClient(RedisOptions options, std::string host, int port);
  absl::Status Connect();
  absl::StatusOr<std::vector<RedisReply>> Exchange(std::size_t count, Make make);

  const RedisOptions options_;
  const std::string host_;
  const int port_;
  std::unique_ptr<redisContext, Free> context_;
  std::int64_t connections_ = 0;
  int failures_ = 0;
  RedisCounts counts_;
  std::chrono::steady_clock::time_point closed_until_{};
};

}  // namespace perennial
