#include "gateway/http/http_session.h"

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gateway/http/http_stream.h"

namespace perennial::gateway::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

// One connection: reads a request, hands it out, sends the answer, reads the next. Everything happens on its strand, so
// nothing here is locked. An operation under way keeps the session alive, and so does an exchange that is not answered
// yet.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  // Without `tls`, in clear.
  HttpSession(Sessions& sessions, asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> tls)
      : sessions_(sessions),
        stream_(std::move(socket), std::move(tls)),
        buffer_(sessions.options().most_header_bytes + (64 << 10)),
        look_again_(stream_.get_executor()) {}
  ~HttpSession() { sessions_.Forget(this); }

  void Start() { OnStrand(&HttpSession::Greet); }
  // No further request is taken; a connection that rests is closed.
  void Drain() {
    OnStrand([](HttpSession& session) {
      session.draining_ = true;
      if (session.resting_) session.Close();
    });
  }

  template <class Body>
  void OnStrand(Body body) {
    asio::dispatch(stream_.get_executor(),
                   [self = shared_from_this(), body = std::move(body)]() mutable { std::invoke(body, *self); });
  }

  void Respond(int status, Headers headers, std::string body) {
    auto response = std::make_shared<bhttp::response<bhttp::string_body>>(static_cast<bhttp::status>(status), 11);
    for (auto& [name, value] : headers) response->set(name, value);
    response->body() = std::move(body);
    response->keep_alive(keep_alive_ && !draining_);
    response->prepare_payload();
    StopWatching();
    stream_.tcp().expires_after(sessions_.options().write_timeout);
    bhttp::async_write(stream_, *response, [self = shared_from_this(), response](beast::error_code error, std::size_t) {
      if (error) return self->Close();
      if (!response->keep_alive()) return self->Leave();
      self->AwaitRequest();
    });
  }

  void StartStream(int status, Headers headers) {
    // The connection ends with the stream: that is how everything in between learns that it was cut off early.
    stream_head_ = std::make_shared<bhttp::response<bhttp::empty_body>>(static_cast<bhttp::status>(status), 11);
    for (auto& [name, value] : headers) stream_head_->set(name, value);
    stream_head_->chunked(true);
    stream_head_->keep_alive(false);
    stream_serializer_ = std::make_shared<bhttp::response_serializer<bhttp::empty_body>>(*stream_head_);
    stream_.tcp().expires_after(sessions_.options().write_timeout);
    writing_ = true;
    bhttp::async_write_header(
        stream_, *stream_serializer_,
        [self = shared_from_this()](beast::error_code error, std::size_t) { self->Written(error); });
  }

  void Write(std::string piece, std::function<void(bool)> written) {
    if (gone_) return written(false);
    if (writing_) {  // the head is still on its way
      waiting_ = [self = shared_from_this(), piece = std::move(piece), written = std::move(written)]() mutable {
        self->Write(std::move(piece), std::move(written));
      };
      return;
    }
    writing_ = true;
    auto kept = std::make_shared<std::string>(std::move(piece));
    stream_.tcp().expires_after(sessions_.options().write_timeout);
    asio::async_write(
        stream_, bhttp::make_chunk(asio::buffer(*kept)),
        [self = shared_from_this(), kept, written = std::move(written)](beast::error_code error, std::size_t) {
          self->Written(error);
          written(!error);
        });
  }

  void End(std::string last) {
    Write(std::move(last), [self = shared_from_this()](bool ok) {
      if (!ok) return self->Close();
      self->stream_.tcp().expires_after(self->sessions_.options().write_timeout);
      asio::async_write(self->stream_, bhttp::make_chunk_last(),
                        [self](beast::error_code error, std::size_t) { error ? self->Close() : self->Leave(); });
    });
  }

  void OnClosed(std::function<void()> closed) {
    if (gone_) return closed();
    closed_ = std::move(closed);
    WatchForClose();
  }

  // The exchange was dropped without an answer.
  void Abandon() { Close(); }

 private:
  class Exchange final : public HttpExchange {
   public:
    Exchange(std::shared_ptr<HttpSession> session, HttpRequest request)
        : session_(std::move(session)), request_(std::move(request)) {}
    ~Exchange() override {
      if (!answered_) session_->OnStrand(&HttpSession::Abandon);
    }
    const HttpRequest& request() const override { return request_; }
    void Respond(int status, Headers headers, std::string body) override {
      answered_ = true;
      session_->OnStrand([status, headers = std::move(headers), body = std::move(body)](HttpSession& session) mutable {
        session.Respond(status, std::move(headers), std::move(body));
      });
    }
    void StartStream(int status, Headers headers) override {
      session_->OnStrand([status, headers = std::move(headers)](HttpSession& session) mutable {
        session.StartStream(status, std::move(headers));
      });
    }
    void Write(std::string piece, std::function<void(bool)> written) override {
      session_->OnStrand([piece = std::move(piece), written = std::move(written)](HttpSession& session) mutable {
        session.Write(std::move(piece), std::move(written));
      });
    }
    void End(std::string last) override {
      answered_ = true;
      session_->OnStrand([last = std::move(last)](HttpSession& session) mutable { session.End(std::move(last)); });
    }
    void OnClosed(std::function<void()> closed) override {
      session_->OnStrand(
          [closed = std::move(closed)](HttpSession& session) mutable { session.OnClosed(std::move(closed)); });
    }

   private:
    const std::shared_ptr<HttpSession> session_;
    const HttpRequest request_;
    std::atomic<bool> answered_ = false;
  };

  void Greet() {
    stream_.tcp().expires_after(sessions_.options().request_timeout);
    stream_.AsyncHandshake([self = shared_from_this()](beast::error_code error) {
      if (error) return self->Close();
      self->AwaitRequest();
    });
  }

  void AwaitRequest() {
    closed_ = nullptr;
    if (draining_ || sessions_.draining()) return Close();
    const HttpServerOptions& options = sessions_.options();
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options.most_header_bytes));
    parser_->body_limit(options.most_body_bytes);
    if (buffer_.size() > 0) return ReadRequest();  // the next request came with the last one
    resting_ = true;
    stream_.tcp().expires_after(options.idle_timeout);
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = shared_from_this()](beast::error_code error, std::size_t bytes) {
                              self->resting_ = false;
                              if (error) return self->Close();
                              self->buffer_.commit(bytes);
                              self->ReadRequest();
                            });
  }

  void ReadRequest() {
    stream_.tcp().expires_after(sessions_.options().request_timeout);
    bhttp::async_read_header(stream_, buffer_, *parser_,
                             [self = shared_from_this()](beast::error_code error, std::size_t) {
                               if (error) return self->Refuse(error);
                               self->ReadBody();
                             });
  }

  void ReadBody() {
    const auto expect = parser_->get()[bhttp::field::expect];
    if (beast::iequals(expect, "100-continue")) {
      auto go_on = std::make_shared<bhttp::response<bhttp::empty_body>>(bhttp::status::continue_, 11);
      bhttp::async_write(stream_, *go_on, [self = shared_from_this(), go_on](beast::error_code error, std::size_t) {
        if (error) return self->Close();
        self->ReadRest();
      });
      return;
    }
    ReadRest();
  }

  void ReadRest() {
    bhttp::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error) return self->Refuse(error);
      self->HandOut();
    });
  }

  // What could not be read as a request. The rest of it is not looked at: the connection ends.
  void Refuse(beast::error_code error) {
    keep_alive_ = false;
    const auto refuse = [&](int status, const char* code, const char* message) {
      Respond(status, {{"Content-Type", "application/json"}},
              absl::StrCat("{\"code\":\"", code, "\",\"message\":\"", message, "\"}"));
    };
    if (error == bhttp::error::body_limit) return refuse(413, "resource_exhausted", "the body is too large");
    if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
      return refuse(431, "resource_exhausted", "the headers are too large");
    }
    if (error == beast::error::timeout) return Close();  // Beast has closed the socket
    if (error == bhttp::error::end_of_stream || error == asio::error::connection_reset ||
        error == bhttp::error::partial_message) {
      return Close();
    }
    refuse(400, "invalid_argument", "not an HTTP request");
  }

  void HandOut() {
    bhttp::request<bhttp::string_body> message = parser_->release();
    keep_alive_ = message.keep_alive();
    const std::string target(message.target().data(), message.target().size());
    const auto question = target.find('?');
    HttpRequest request{.method = std::string(message.method_string().data(), message.method_string().size()),
                        .path = target.substr(0, question),
                        .query = question == std::string::npos ? "" : target.substr(question + 1),
                        .headers = {},
                        .body = std::move(message.body())};
    for (const auto& field : message) {
      request.headers.emplace(
          absl::AsciiStrToLower(absl::string_view(field.name_string().data(), field.name_string().size())),
          std::string(field.value().data(), field.value().size()));
    }
    stream_.tcp().expires_never();  // the call has a deadline of its own
    sessions_.handler()(std::make_shared<Exchange>(shared_from_this(), std::move(request)));
  }

  // A socket that becomes readable during a call has either the client's next request or its farewell.
  void WatchForClose() {
    if (watching_) return;
    watching_ = true;
    if (stream_.encrypted()) return LookForClose();
    stream_.tcp().socket().async_wait(asio::ip::tcp::socket::wait_read,
                                      [self = shared_from_this()](beast::error_code error) {
                                        self->watching_ = false;
                                        if (error || self->closed_ == nullptr) return;
                                        if (self->IsClosed()) self->Gone();
                                      });
  }

  // Encrypted, the farewell looks like data, which must not be read here: what follows it is looked for now and then.
  void LookForClose() {
    look_again_.expires_after(kLookForClose);
    look_again_.async_wait([self = shared_from_this()](beast::error_code error) {
      self->watching_ = false;
      if (error || self->closed_ == nullptr) return;
      if (self->IsClosed()) return self->Gone();
      self->WatchForClose();
    });
  }

  bool IsClosed() {
    pollfd look{.fd = stream_.tcp().socket().native_handle(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&look, 1, 0) != 0;
  }

  void StopWatching() {
    closed_ = nullptr;
    boost::system::error_code ignored;
    if (!watching_) return;
    if (stream_.encrypted()) {
      look_again_.cancel();
    } else {
      stream_.tcp().socket().cancel(ignored);
    }
  }

  void Written(beast::error_code error) {
    writing_ = false;
    if (error) Gone();
    stream_.tcp().expires_never();
    if (auto waiting = std::exchange(waiting_, nullptr)) waiting();
  }

  void Gone() {
    gone_ = true;
    if (auto closed = std::exchange(closed_, nullptr)) closed();
  }

  void Close() {
    boost::system::error_code ignored;
    stream_.tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.tcp().close();
    Gone();
  }

  // After an answer: an encrypted connection says so before it ends.
  void Leave() {
    if (!stream_.encrypted()) return Close();
    stream_.tcp().expires_after(kFarewell);
    stream_.AsyncShutdown([self = shared_from_this()](beast::error_code) { self->Close(); });
  }

  static constexpr std::chrono::milliseconds kLookForClose{200};
  static constexpr std::chrono::seconds kFarewell{1};

  Sessions& sessions_;
  HttpStream stream_;
  beast::flat_buffer buffer_;
  asio::steady_timer look_again_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  std::shared_ptr<bhttp::response<bhttp::empty_body>> stream_head_;
  std::shared_ptr<bhttp::response_serializer<bhttp::empty_body>> stream_serializer_;
  std::function<void()> closed_;
  std::function<void()> waiting_;
  bool keep_alive_ = false;
  bool draining_ = false;
  bool resting_ = false;
  bool watching_ = false;
  bool writing_ = false;
  bool gone_ = false;
};

void Sessions::Open(boost::asio::ip::tcp::socket socket) {
  boost::system::error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  std::shared_ptr<boost::asio::ssl::context> tls = tls_ == nullptr ? nullptr : tls_->context();
  const auto session = std::make_shared<HttpSession>(*this, std::move(socket), std::move(tls));
  {
    MutexLock lock(mu_);
    if (draining_ || open_.size() >= options_.most_connections) return;
    open_.emplace(session.get(), session);
  }
  session->Start();
}

void Sessions::Drain() {
  std::vector<std::shared_ptr<HttpSession>> sessions;
  {
    MutexLock lock(mu_);
    draining_ = true;
    for (const auto& [raw, weak] : open_) {
      if (auto session = weak.lock()) sessions.push_back(std::move(session));
    }
  }
  for (const auto& session : sessions) session->Drain();
  sessions.clear();
  const auto deadline = std::chrono::steady_clock::now() + options_.grace;
  MutexLock lock(mu_);
  while (!open_.empty()) {
    if (!lock.WaitUntil(closed_, deadline)) return;
  }
}

bool Sessions::draining() const {
  MutexLock lock(mu_);
  return draining_;
}

void Sessions::Forget(HttpSession* session) {
  MutexLock lock(mu_);
  open_.erase(session);
  closed_.notify_all();
}

}  // namespace perennial::gateway::http
