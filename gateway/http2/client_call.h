#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/server/call_spans.h"
#include "common/server/rpc_metrics.h"
#include "gateway/call_limit.h"
#include "gateway/gatekeeper.h"
#include "gateway/http2/backend_pool.h"
#include "gateway/http2/event_loop.h"
#include "gateway/http2/grpc_wire.h"
#include "gateway/http2/http2_connection.h"
#include "gateway/routes.h"

namespace perennial::gateway::http2 {

// How much of messages is kept in memory at once, by all calls. Thread-safe.
class MessageMemory {
 public:
  explicit MessageMemory(std::size_t most) : most_(most) {}
  [[nodiscard]] bool TryTake(std::size_t bytes) {
    if (taken_.fetch_add(bytes) + bytes <= most_) return true;
    taken_.fetch_sub(bytes);
    return false;
  }
  void Return(std::size_t bytes) { taken_.fetch_sub(bytes); }
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> taken_ = 0;
};

// What all calls need. The parts outlive them.
struct CallGates {
  const Routes& routes;
  Gatekeeper& gatekeeper;
  CallLimit& limit;
  MessageMemory& memory;
  // Methods that the gateway serves itself.
  const absl::flat_hash_set<std::string>& own;
  std::shared_ptr<RpcMetrics> counts;    // null: not counted
  std::shared_ptr<SpanExporter> spans;   // null: spans go nowhere
  std::size_t most_request_bytes = 16 << 20;
  std::size_t most_response_bytes = 64 << 20;
};

// The connections of one loop: to each service one for calls with one answer and one for streams, which last, so that they never take
// the place of other calls; and to the gateway's own services.
struct CallPools {
  struct Service {
    std::unique_ptr<BackendPool> calls;
    std::unique_ptr<BackendPool> streams;
  };
  absl::flat_hash_map<const Backend*, Service> services;
  std::unique_ptr<BackendPool> own;
  // Streams are ended as they come.
  bool draining = false;
};

// What a client says of a call before it says what it wants.
struct CallHead {
  std::string method;
  std::string path;
  std::string content_type;
  std::string encoding;
  std::string request_id;
  std::string tracestate;
  std::vector<std::string> traceparents;
  std::vector<std::string> authorization;
  std::optional<std::chrono::nanoseconds> timeout;
};

class Relay;

// A call of a client, from its first byte to the last of its answer. Decides whether it goes on, and where; a Relay carries it there.
// Owned by its connection: it is gone once the stream is closed.
class ClientCall final : public Http2Stream {
 public:
  // Whom it tells that it is over, and who then destroys it.
  class Owner {
   public:
    virtual void OnOver(ClientCall& call) = 0;

   protected:
    ~Owner() = default;
  };
  // `peer` is the client's address, as gRPC writes it, without its port.
  ClientCall(const CallGates& gates, CallPools& pools, EventLoop& loop, const std::string& peer, Owner& owner);
  ~ClientCall() override;

  // Of streams, with UNAVAILABLE (DRAINING). Other calls go on.
  void Drain();

  // For relays.
  [[nodiscard]] const CallGates& gates() const { return gates_; }
  [[nodiscard]] EventLoop& loop() const { return loop_; }
  [[nodiscard]] const CallHead& head() const { return head_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] const CallSpan& span() const { return *span_; }
  // Begins the answer. `fields` are those of the service that go on.
  void SendHead(const Fields& fields);
  // Ends the answer, or is all of it.
  void Finish(const GrpcTrailers& trailers);
  void Finish(const grpc::Status& status) { Finish(GrpcTrailers::Of(status)); }

  void OnField(absl::string_view name, absl::string_view value) override;
  void OnFieldsTooLarge() override { too_large_ = true; }
  void OnFields(bool last) override;
  void OnData(absl::string_view piece) override;
  void OnEnd() override;
  void OnSent(std::size_t bytes) override;
  void OnClosed(std::uint32_t error) override;

 private:
  void Begin();
  bool IsGrpc();
  // Why it is refused, or OK once a relay carries it.
  absl::Status Admit();
  void CarryToOwn();
  void Count(int code);

  const CallGates& gates_;
  CallPools& pools_;
  EventLoop& loop_;
  const std::string& peer_;
  Owner& owner_;
  CallHead head_;
  std::optional<CallSpan> span_;
  RpcMetrics::Method* counted_ = nullptr;
  std::chrono::steady_clock::time_point begun_at_;
  bool begun_ = false;
  bool too_large_ = false;
  bool head_sent_ = false;
  bool finished_ = false;
  bool admitted_ = false;  // has a place of the limit
  std::unique_ptr<Relay> relay_;
};

// Carries a call to a service and its answer back.
class Relay {
 public:
  virtual ~Relay() = default;
  virtual void OnRequestData(absl::string_view piece) = 0;
  virtual void OnRequestEnd() = 0;
  virtual void OnResponseSent(std::size_t bytes) = 0;
  virtual void Drain() = 0;
};

// With one request and one answer: carried when the request is whole, and again where that is safe (see docs/clients.md). The circuit
// breaker of the route's service has let it pass.
std::unique_ptr<Relay> CarryUnary(ClientCall& call, BackendPool& pool, const Route& route, Admission admission);
// Of any kind, as it comes. The service has admitted a stream.
std::unique_ptr<Relay> CarryStream(ClientCall& call, BackendPool& pool, const Route& route, Admission admission);
// To the gateway's own services, which look at the caller themselves.
std::unique_ptr<Relay> CarryToOwnService(ClientCall& call, BackendPool& pool);

}  // namespace perennial::gateway::http2
