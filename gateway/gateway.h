#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "common/server/metrics.h"
#include "common/server/self_check.h"
#include "common/server/server.h"
#include "common/server/tls.h"
#include "gateway/backend.h"
#include "gateway/backend_monitor.h"
#include "gateway/call_limit.h"
#include "gateway/caller_limits.h"
#include "gateway/customer_service.h"
#include "gateway/gatekeeper.h"
#include "gateway/http/connect_gateway.h"
#include "gateway/http/http_server.h"
#include "gateway/http2/front.h"
#include "gateway/routes.h"

namespace perennial::gateway {

struct GatewayOptions {
  ServerOptions server;
  // "host:port" of each service.
  std::string accounts;
  std::string health;
  std::string segments;
  // Calls under way at once; more are refused with RESOURCE_EXHAUSTED.
  std::size_t max_calls = 10000;
  // How long a connection of a gRPC client may take until it speaks HTTP/2.
  std::chrono::milliseconds setup_timeout{10000};
  // Streams open at once to one service.
  std::size_t max_streams = 900;
  // Bytes of requests and answers that are kept at once until they are whole; calls beyond are refused with RESOURCE_EXHAUSTED.
  std::size_t max_message_memory = 128 << 20;
  // Where it serves HTTP by the Connect protocol too; absent: nowhere.
  std::optional<http::HttpServerOptions> http = {};
  // Where /metrics is served, on the address of `server` and in clear; 0 takes a free one. Negative: on `http`, where that is.
  int metrics_port = -1;
  // Pages of other origins that browsers may call from; "*" for all.
  std::vector<std::string> cors_origins = {};
  // Who may call what; by default everybody everything.
  IdentityOptions identity = {};
  CallerLimitOptions caller_limits = {};
  // Encrypts the connections to the services; null for none. `server.tls` is what clients see.
  std::shared_ptr<Tls> tls = nullptr;
  CircuitBreaker::Options breaker = {};
  // How often each service is asked whether it is ready.
  std::chrono::milliseconds monitor_interval{1000};
};

// The one address that clients use. It listens, and is ready, whether the services are there or not; what needs an
// absent one is answered UNAVAILABLE until it is back. The health probe knows every service by its full name.
class Gateway {
 public:
  // Starts serving. UNAVAILABLE when it cannot listen.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(const GatewayOptions& options);
  ~Gateway();

  [[nodiscard]] int port() const { return front_->port(); }
  // Port of HTTP; 0 without it.
  [[nodiscard]] int http_port() const { return http_ == nullptr ? 0 : http_->port(); }
  // Port of metrics alone; 0 without one.
  [[nodiscard]] int metrics_port() const { return metrics_.port(); }
  [[nodiscard]] int probe_port() const { return server_->probe_port(); }
  // Numbers for operators.
  [[nodiscard]] const Metrics& metrics() const { return metrics_; }
  // Ends streams, lets other calls finish, stops. Safe to call twice.
  void Stop();

 private:
  Gateway(const GatewayOptions& options, std::unique_ptr<Authenticator> authenticator);
  void Measure();
  void MeasureFront();
  http2::CallGates Gates(const GatewayOptions& options);
  absl::Status StartFront(const GatewayOptions& options);
  void StartMonitor(const GatewayOptions& options);
  void StartSelfCheck(const GatewayOptions& options);
  http::ConnectGateway::Pages PagesOf(const GatewayOptions& options);
  absl::Status StartHttp(const GatewayOptions& options);

  // Destroyed last: its connections may be referred to until the last call that came over one is forgotten.
  std::unique_ptr<http::HttpServer> http_;
  std::atomic<bool> ready_ = false;
  Backend accounts_;
  Backend health_;
  Backend segments_;
  Routes routes_;
  Gatekeeper gatekeeper_;
  CustomerService customers_;
  absl::flat_hash_set<std::string> own_methods_;
  http2::MessageMemory memory_;
  const std::chrono::milliseconds grace_;
  // Destroyed after the server and before all that calls use: it waits for them.
  CallLimit limit_;
  std::unique_ptr<http2::CallGates> gates_;
  // Of the gateway's own services: only the front reaches it, and who asks for its probes.
  std::unique_ptr<Server> server_;
  std::unique_ptr<http2::Front> front_;
  std::unique_ptr<SelfCheck> self_check_;
  std::unique_ptr<BackendMonitor> monitor_;
  std::unique_ptr<http::ConnectGateway> connect_;
  Metrics metrics_;  // last: it reads the others
};

}  // namespace perennial::gateway
