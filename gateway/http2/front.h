#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "gateway/http2/client_call.h"
#include "gateway/http2/event_loop.h"

namespace perennial::gateway::http2 {

struct FrontOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0 takes a free one
  // Loops that serve; 0: one for each processor, at most eight.
  int loops = 0;
  // More are accepted and closed at once.
  std::size_t most_connections = 10000;
  // Clients connect anew from time to time, and so find gateways that were added. What is under way may go on for long.
  std::chrono::milliseconds most_age{std::chrono::minutes(5)};
  std::chrono::milliseconds age_grace{std::chrono::hours(1)};
  // Metadata of a call, in bytes.
  std::size_t most_metadata_bytes = 16 << 10;
  // How long a connection may take until it speaks HTTP/2.
  std::chrono::milliseconds setup_timeout{10000};
  // Encrypts the connections of clients, and those to the services; null: in clear.
  std::shared_ptr<Tls> tls = nullptr;
  std::shared_ptr<Tls> services_tls = nullptr;
};

// The gateway's side to its clients: HTTP/2 and gRPC on one address, carried on to the services. Each connection is served on one of
// several loops, which each have connections of their own to the services, so that what a call needs is all on one thread.
class Front {
 public:
  // A service, and where it is.
  struct Service {
    const Backend* backend;
    std::string target;
  };
  // `gates` and what it refers to must live until Stop() has returned. `connect_own` makes connected sockets to the server of the
  // gateway's own services. UNAVAILABLE when it cannot listen, INVALID_ARGUMENT for an address that is none.
  static absl::StatusOr<std::unique_ptr<Front>> Start(const FrontOptions& options, const CallGates& gates,
                                                      const std::vector<Service>& services, BackendPool::Connect connect_own);
  // Stops at once.
  ~Front();

  [[nodiscard]] int port() const { return port_; }
  // Serves a client in this process over a connected socket, whose owner it becomes: in clear, and until all is stopped.
  void Adopt(int socket);
  [[nodiscard]] std::size_t connections() const { return connections_; }

  // Takes no connections any more, asks clients to go elsewhere, and ends streams, those that come later too, with UNAVAILABLE; calls
  // with one answer go on.
  void Drain();
  // Returns when all calls are over or `grace` has passed; what is left then is cancelled. Safe to call twice.
  void Stop(std::chrono::milliseconds grace);

 private:
  struct Loop;
  class Session;
  Front(const FrontOptions& options, const CallGates& gates);
  absl::Status Listen();
  void MakeLoops(const std::vector<Service>& services, const BackendPool::Connect& connect_own);
  void Accept();
  void Serve(boost::asio::ip::tcp::socket socket);
  void OnSessionOver();

  const FrontOptions options_;
  const CallGates& gates_;
  std::unique_ptr<TlsContext> tls_;
  std::shared_ptr<TlsContext> services_tls_;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<bool> draining_ = false;
  Mutex mu_;
  std::condition_variable over_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<boost::asio::ip::tcp::acceptor> acceptor_;  // on the first loop
  std::unique_ptr<Timer> retry_;
  std::size_t turn_ = 0;
  int port_ = 0;
};

}  // namespace perennial::gateway::http2
