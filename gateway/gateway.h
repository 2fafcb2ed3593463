#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/server/server.h"
#include "gateway/backend.h"
#include "gateway/backend_monitor.h"
#include "gateway/call_limit.h"
#include "gateway/customer_service.h"
#include "gateway/forwarding_service.h"
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
  // Streams open at once to one service.
  std::size_t max_streams = 900;
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

  [[nodiscard]] int port() const { return server_->port(); }
  // Ends streams, lets other calls finish, stops. Safe to call twice.
  void Stop();

 private:
  explicit Gateway(const GatewayOptions& options);

  Backend accounts_;
  Backend health_;
  Backend segments_;
  Routes routes_;
  ForwardingService forwarder_;
  CustomerService customers_;
  // Destroyed after the server and before all that calls use: it waits for them.
  CallLimit limit_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<BackendMonitor> monitor_;
};

}  // namespace perennial::gateway
