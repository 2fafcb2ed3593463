#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/server/tls.h"

namespace perennial::gateway::http {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  // 0 takes a free one.
  std::uint16_t port = 8080;
  // When not empty, "host:port" is written to this file once the server listens.
  std::string port_file = {};
  // More are accepted and closed at once.
  std::size_t most_connections = 1000;
  std::size_t most_header_bytes = 16 << 10;
  std::size_t most_body_bytes = 1 << 20;
  // How long a request may take to arrive, and how long a connection may rest between two.
  std::chrono::milliseconds request_timeout{10000};
  std::chrono::milliseconds idle_timeout{60000};
  // How long a client may take to accept a piece of an answer.
  std::chrono::milliseconds write_timeout{30000};
  // How long answers under way may take when the server stops.
  std::chrono::milliseconds grace{10000};
  // Encrypts connections (TLS 1.2 and later) with the certificate that is in use when they begin; null: they are in clear.
  std::shared_ptr<Tls> tls = nullptr;
};

struct HttpRequest {
  std::string method;  // "POST"
  std::string path;    // without the query
  std::string query;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;

  // The first header of that name, or an empty text.
  [[nodiscard]] std::string Header(const std::string& name) const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// A request's answer. Either Respond, once; or StartStream, then Write as often as wanted, each when the one before has
// reported, then End. On any thread. An exchange that is dropped without an answer closes its connection.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  [[nodiscard]] virtual const HttpRequest& request() const = 0;
  virtual void Respond(int status, Headers headers, std::string body) = 0;
  virtual void StartStream(int status, Headers headers) = 0;
  // Sends a piece; `written` is called with false when the client is gone.
  virtual void Write(std::string piece, std::function<void(bool)> written) = 0;
  // Ends the stream after a last piece.
  virtual void End(std::string last) = 0;
  // Calls `closed` when the client goes away before the answer is whole; at once if it has. Set it once.
  virtual void OnClosed(std::function<void()> closed) = 0;
};

// Takes a request; must not block.
using HttpHandler = std::function<void(std::shared_ptr<HttpExchange>)>;

// HTTP/1.1 on a few threads of its own (Boost.Beast). It answers by itself what is no request: 400, 408, 413, 431.
class HttpServer {
 public:
  // UNAVAILABLE when it cannot listen. `handler` is called on the server's threads until Stop returns.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options, HttpHandler handler);
  virtual ~HttpServer() = default;
  [[nodiscard]] virtual int port() const = 0;
  // Stops listening, lets answers under way finish within the grace time, closes the rest. Safe to call twice.
  virtual void Stop() = 0;
};

}  // namespace perennial::gateway::http
