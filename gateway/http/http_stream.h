#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace perennial::gateway::http {

// A connection that HTTP is read from and written to, encrypted or in clear; a stream as Asio and Beast know them.
class HttpStream {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;

  // In clear where `tls` is null.
  HttpStream(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls) : tls_(std::move(tls)) {
    if (tls_ == nullptr) {
      clear_.emplace(std::move(socket));
    } else {
      encrypted_.emplace(std::move(socket), *tls_);
    }
  }

  [[nodiscard]] bool encrypted() const { return encrypted_.has_value(); }
  // What it runs on, with its timeouts.
  boost::beast::tcp_stream& tcp() { return clear_.has_value() ? *clear_ : encrypted_->next_layer(); }
  executor_type get_executor() { return tcp().get_executor(); }

  template <class Handler>
  void AsyncHandshake(Handler handler) {
    if (clear_.has_value()) return handler(boost::beast::error_code());
    encrypted_->async_handshake(boost::asio::ssl::stream_base::server, std::move(handler));
  }
  // Of an encrypted one.
  template <class Handler>
  void AsyncShutdown(Handler handler) {
    encrypted_->async_shutdown(std::move(handler));
  }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (clear_.has_value()) return clear_->async_read_some(buffers, std::forward<Handler>(handler));
    encrypted_->async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (clear_.has_value()) return clear_->async_write_some(buffers, std::forward<Handler>(handler));
    encrypted_->async_write_some(buffers, std::forward<Handler>(handler));
  }

 private:
  const std::shared_ptr<boost::asio::ssl::context> tls_;
  std::optional<boost::beast::tcp_stream> clear_;
  std::optional<boost::beast::ssl_stream<boost::beast::tcp_stream>> encrypted_;
};

}  // namespace perennial::gateway::http
