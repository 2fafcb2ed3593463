#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "gateway/http/http_server.h"
#include "gateway/http/http_tls.h"
#include "gateway/tls_context.h"

namespace perennial::gateway::http {

class HttpSession;

// All connections of a server. Outlives them all. Thread-safe.
class Sessions {
 public:
  Sessions(const HttpServerOptions& options, HttpHandler handler)
      : options_(options),
        handler_(std::move(handler)),
        tls_(options.tls == nullptr ? nullptr : std::make_unique<TlsContext>(options.tls, ContextForHttp)) {}

  [[nodiscard]] const HttpServerOptions& options() const { return options_; }
  [[nodiscard]] const HttpHandler& handler() const { return handler_; }
  // Starts to serve a connection, unless there are too many.
  void Open(boost::asio::ip::tcp::socket socket);
  // Closes connections that rest, and each other one after its answer; returns when all are closed or the grace time is
  // over.
  void Drain();
  [[nodiscard]] bool draining() const;

 private:
  friend class HttpSession;
  void Forget(HttpSession* session);

  const HttpServerOptions options_;
  const HttpHandler handler_;
  const std::unique_ptr<TlsContext> tls_;  // null: in clear
  mutable Mutex mu_;
  std::condition_variable closed_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  std::map<HttpSession*, std::weak_ptr<HttpSession>> open_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial::gateway::http
