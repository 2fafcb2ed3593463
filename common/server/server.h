#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/observability/span_exporter.h"
#include "common/server/health_service.h"
#include "common/server/metrics.h"
#include "common/server/reflection_service.h"
#include "common/server/self_check.h"
#include "common/server/tls.h"

namespace perennial {

struct ServerOptions {
  // Address to listen on. Loopback by default: without `tls` nobody has to prove who they are.
  std::string host = "127.0.0.1";
  // False for a server that takes connections by Adopt() alone: what else is said of listening is not looked at then.
  bool listens = true;
  // 0 takes a free one.
  std::uint16_t port = 0;
  // How long the process is unready before it stops listening, so that load balancers have looked away by then.
  std::chrono::milliseconds drain{0};
  // How long calls in flight may take after that.
  std::chrono::milliseconds grace{10000};
  // Largest message that is taken, in bytes.
  int max_message_bytes = 16 << 20;
  // When not empty, "host:port" is written to this file once the server listens (for port 0).
  std::string port_file = {};
  // Encrypts connections; with an authority, clients must have a certificate. None without.
  std::shared_ptr<Tls> tls = nullptr;
  // Where health probes are answered too, never encrypted; 0 takes a free one, negative none.
  int probe_port = -1;
  // Ends the process when it does not answer new connections any more.
  bool self_check = false;
  // Counts calls there.
  Metrics* metrics = nullptr;
  // Where the spans of calls go; absent: nowhere.
  std::optional<SpanExporter::Options> spans = {};
  // Largest metadata of a call, in bytes.
  int max_metadata_bytes = 8 << 10;
};

// Keeps SIGINT and SIGTERM for WaitForStopSignal. Call it first thing in main, as threads inherit the mask.
void BlockStopSignals();
// Returns when one of them arrives.
void WaitForStopSignal();

// A gRPC server with health and reflection for all its services. Names of the health service: "" and "liveness" serve from
// the start, "readiness" once SetReady(true) was called.
class Server {
 public:
  // Starts serving. `services` must outlive the server. `described` are the full names of all services that answer here
  // (also those of a generic handler), for reflection; health and reflection itself are added. `customize` may change the
  // builder.
  // UNAVAILABLE when it cannot listen; ports are not shared between processes.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, const std::vector<grpc::Service*>& services,
      std::vector<std::string> described,
      const std::function<void(grpc::ServerBuilder&)>& customize = nullptr);
  ~Server();

  [[nodiscard]] int port() const { return port_; }
  // Port of health probes only; 0 without one.
  [[nodiscard]] int probe_port() const { return probe_port_; }
  void SetReady(bool ready);
  HealthService& health() { return health_; }
  // A channel to it without a socket, for tests.
  std::shared_ptr<grpc::Channel> InProcessChannel();
  // Serves a connection that is there already, in clear, and owns the socket from here on.
  void Adopt(int socket);

  // Turns unready, waits for the drain time, calls `end_streams` (watches must end, or they hold up the rest), then stops
  // within the grace time. Safe to call twice.
  void Stop(const std::function<void()>& end_streams = nullptr);

 private:
  Server(ServerOptions options, std::vector<std::string> described);
  const ServerOptions options_;
  const std::vector<std::string> described_;
  HealthService health_;
  ReflectionService reflection_;
  // What looks at each call: counts and spans.
  void Observe(grpc::ServerBuilder& builder);
  absl::Status StartProbes();
  void StartSelfCheck();

  std::shared_ptr<SpanExporter> spans_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::Server> probes_;
  std::unique_ptr<SelfCheck> self_check_;
  int port_ = 0;
  int probe_port_ = 0;
  bool stopped_ = false;
};

// "host:port" channel to another process of ours, encrypted where `tls` is there: keep-alive, quick reconnection (a restarted process is found within two
// seconds), round-robin over what the name resolves to.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, const std::shared_ptr<Tls>& tls = nullptr);

}  // namespace perennial
