#include "gateway/http/http_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/server/port_file.h"
#include "gateway/http/http_session.h"

namespace perennial::gateway::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int kThreads = 2;

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, HttpHandler handler)
      : sessions_(options, std::move(handler)), context_(kThreads), acceptor_(asio::make_strand(context_)),
        retry_(acceptor_.get_executor()) {}
  ~BeastServer() override { Stop(); }

  absl::Status Listen() {
    const HttpServerOptions& options = sessions_.options();
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options.host, error);
    if (error) return absl::InvalidArgumentError(absl::StrCat("not an address to listen on: ", options.host));
    const tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot serve HTTP on ", options.host, ":", options.port, ": ", error.message()));
    }
    port_ = acceptor_.local_endpoint().port();
    if (absl::Status status = WritePortFile(options.port_file, options.host, port_); !status.ok()) return status;
    Accept();
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { context_.run(); });
    return absl::OkStatus();
  }

  [[nodiscard]] int port() const override { return port_; }

  void Stop() override {
    if (threads_.empty()) return;
    asio::post(acceptor_.get_executor(), [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
    });
    sessions_.Drain();
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void Accept() {
    acceptor_.async_accept(asio::make_strand(context_), [this](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (!error) sessions_.Open(std::move(socket));
      if (!error) return Accept();
      Log(LogLevel::kWarning, "cannot accept an HTTP connection", {{"status", error.message()}});
      // Out of file descriptors: give others time to close theirs.
      retry_.expires_after(std::chrono::milliseconds(10));
      retry_.async_wait([this](boost::system::error_code) { Accept(); });
    });
  }

  Sessions sessions_;  // outlives all connections, some of which may only go with the queue of the context
  asio::io_context context_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::vector<std::thread> threads_;
  int port_ = 0;
};

}  // namespace

std::string HttpRequest::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options, HttpHandler handler) {
  auto server = std::make_unique<BeastServer>(options, std::move(handler));
  if (absl::Status status = server->Listen(); !status.ok()) return status;
  return server;
}

}  // namespace perennial::gateway::http
