#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "common/server/tls.h"
#include "gateway/circuit_breaker.h"

namespace perennial::gateway {

// One of the services behind the gateway. Safe to use from many threads.
class Backend {
 public:
  struct Options {
    // For messages, for example "accounts-svc".
    std::string name;
    // "host:port", resolved through DNS and balanced over all its addresses.
    std::string target;
    // Streams open at once; they last, and beyond the limit of a connection (1,000) a call would wait for another to
    // end.
    std::size_t max_streams = 900;
    // Encrypts the connections; null for none.
    std::shared_ptr<Tls> tls = nullptr;
    CircuitBreaker::Options breaker = {};
  };
  explicit Backend(Options options);

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const std::string& target() const { return options_.target; }
  // For what the gateway itself asks.
  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // False when too many streams are open; otherwise ReleaseStream() gives the place back.
  [[nodiscard]] bool TryAdmitStream();
  void ReleaseStream();

  CircuitBreaker& breaker() { return breaker_; }
  RetryBudget& retries() { return retries_; }
  // What the end of a call that had `time` says about the service: a failure when it could not be reached, or has not answered
  // though it had long enough.
  [[nodiscard]] static CircuitBreaker::Outcome OutcomeOf(const grpc::Status& status, std::chrono::nanoseconds time);
  // Whether a call that its caller has not cancelled ended as gRPC ends one that reaches a server which is shutting down: it was
  // never looked at.
  [[nodiscard]] static bool IsTurnedAway(const grpc::Status& status);
  // Whether a call that ended so has not been carried out as far as its service knows, and may be tried elsewhere or again. For
  // calls that their callers have not cancelled.
  [[nodiscard]] static bool IsTransient(const grpc::Status& status);
  // What a caller is told while the breaker is open.
  [[nodiscard]] grpc::Status Unreachable() const;

  // What the caller, who has not cancelled, is told for `status`, with which a call to this service ended: the same, except that a
  // failure to reach the service names it, where gRPC names addresses.
  [[nodiscard]] grpc::Status StatusForCaller(const grpc::Status& status) const;

 private:
  const Options options_;
  const std::shared_ptr<grpc::Channel> channel_;
  CircuitBreaker breaker_;
  RetryBudget retries_;
  std::atomic<std::size_t> streams_ = 0;
};

}  // namespace perennial::gateway
