#include "common/observability/http_post.h"

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace perennial {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = beast::http;
using tcp = asio::ip::tcp;

constexpr std::uint64_t kMostAnswerBytes = 1 << 20;

std::string HostHeader(const HttpUrl& url) {
  const bool v6 = url.host.find(':') != std::string::npos;
  return absl::StrCat(v6 ? "[" : "", url.host, v6 ? "]" : "", ":", url.port);
}

}  // namespace

class HttpPoster::Connection {
 public:
  absl::StatusOr<HttpAnswer> Exchange(const HttpUrl& url, const std::string& json, std::chrono::milliseconds timeout) {
    if (cancelled_) return absl::CancelledError("cancelled");
    request_ = {};
    request_.version(11);
    request_.method(bhttp::verb::post);
    request_.target(url.path);
    request_.set(bhttp::field::host, HostHeader(url));
    request_.set(bhttp::field::content_type, "application/json");
    request_.set(bhttp::field::user_agent, "perennial");
    request_.body() = json;
    request_.prepare_payload();
    parser_.emplace();
    parser_->body_limit(kMostAnswerBytes);
    error_ = {};
    if (open()) {
      stream_->expires_after(timeout);
      Write();
    } else {
      Resolve(url, timeout);
    }
    io_.restart();
    io_.run();
    return Outcome();
  }

  [[nodiscard]] bool open() const { return stream_.has_value() && stream_->socket().is_open(); }

  void Cancel() {
    cancelled_ = true;
    asio::post(io_, [this] {
      resolver_.cancel();
      Close();
    });
  }

 private:
  void Resolve(const HttpUrl& url, std::chrono::milliseconds timeout) {
    stream_.emplace(io_);
    resolver_.async_resolve(url.host, absl::StrCat(url.port),
                            [this, timeout](beast::error_code error, const tcp::resolver::results_type& found) {
                              if (error) return Fail(error);
                              stream_->expires_after(timeout);
                              stream_->async_connect(found, [this](beast::error_code failed, const tcp::endpoint&) {
                                if (failed) return Fail(failed);
                                Write();
                              });
                            });
  }
  void Write() {
    bhttp::async_write(*stream_, request_, [this](beast::error_code error, std::size_t) {
      if (error) return Fail(error);
      Read();
    });
  }
  void Read() {
    bhttp::async_read(*stream_, buffer_, *parser_, [this](beast::error_code error, std::size_t) {
      if (error) return Fail(error);
      if (!parser_->get().keep_alive()) Close();
    });
  }

  void Fail(beast::error_code error) {
    error_ = error;
    Close();
  }
  void Close() {
    buffer_.clear();
    if (stream_.has_value()) stream_->close();
  }

  absl::StatusOr<HttpAnswer> Outcome() {
    if (error_) return absl::UnavailableError(error_.message());
    if (!parser_->is_done()) return absl::UnavailableError("no answer");
    const auto& message = parser_->get();
    HttpAnswer answer{.status = static_cast<int>(message.result_int()), .body = message.body(), .retry_after = {}};
    const auto after = message[bhttp::field::retry_after];
    int seconds = 0;
    if (absl::SimpleAtoi(absl::string_view(after.data(), after.size()), &seconds) && seconds >= 0) {
      answer.retry_after = std::chrono::seconds(seconds);
    }
    return answer;
  }

  std::atomic<bool> cancelled_ = false;
  asio::io_context io_;
  tcp::resolver resolver_{io_};
  std::optional<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
  bhttp::request<bhttp::string_body> request_;
  std::optional<bhttp::response_parser<bhttp::string_body>> parser_;
  beast::error_code error_;
};

HttpPoster::HttpPoster(HttpUrl url) : url_(std::move(url)), connection_(std::make_unique<Connection>()) {}
HttpPoster::~HttpPoster() = default;

absl::StatusOr<HttpAnswer> HttpPoster::Post(const std::string& json, std::chrono::milliseconds timeout) {
  const bool kept = connection_->open();
  auto answer = connection_->Exchange(url_, json, timeout);
  // One that was kept may have been closed by the other end in the meantime.
  return answer.ok() || !kept ? answer : connection_->Exchange(url_, json, timeout);
}

void HttpPoster::Cancel() { connection_->Cancel(); }

}  // namespace perennial
