#pragma once

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace perennial::testing {

// Whether `condition` comes true within a minute.
inline bool ComesTrue(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// An HTTP listener that takes the place of an OpenTelemetry collector and keeps what is posted to it.
class Collector {
 public:
  struct Post {
    std::string target;
    std::string content_type;
    nlohmann::json body;
  };
  // A span with the name of the service that told it.
  struct Told {
    std::string service;
    nlohmann::json span;
    [[nodiscard]] std::string Text(const char* key) const { return span.value(key, std::string()); }
  };

  Collector() : acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}), thread_([this] { Accept(); }) {}
  ~Collector() {
    stopping_ = true;
    {
      boost::asio::ip::tcp::socket knock(context_);
      boost::system::error_code ignored;
      knock.connect(acceptor_.local_endpoint(), ignored);
    }
    thread_.join();
    {
      const std::lock_guard lock(mu_);
      for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    connections_.clear();
  }

  [[nodiscard]] int port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] std::string url() const { return absl::StrCat("http://127.0.0.1:", port()); }
  // What it answers from now on.
  void Answer(int status, std::string body = "{}") {
    const std::lock_guard lock(mu_);
    status_ = status;
    body_ = std::move(body);
  }
  [[nodiscard]] std::vector<Post> posts() {
    const std::lock_guard lock(mu_);
    return posts_;
  }
  // Those of posts that were answered with 200.
  [[nodiscard]] std::vector<Told> spans() {
    const std::lock_guard lock(mu_);
    return spans_;
  }
  // Those of one method, "Service/Method" at the end of their name.
  [[nodiscard]] std::vector<Told> SpansOf(const std::string& method) {
    std::vector<Told> found;
    for (Told& told : spans()) {
      const std::string name = told.Text("name");
      if (name.size() >= method.size() && name.substr(name.size() - method.size()) == method) found.push_back(told);
    }
    return found;
  }

 private:
  void Accept() {
    while (!stopping_) {
      boost::system::error_code error;
      boost::asio::ip::tcp::socket socket(context_);
      acceptor_.accept(socket, error);
      if (error || stopping_) continue;
      const std::lock_guard lock(mu_);
      sockets_.push_back(socket.native_handle());
      connections_.emplace_back([this, socket = std::move(socket)]() mutable { Serve(socket); });
    }
  }

  void Serve(boost::asio::ip::tcp::socket& socket) {
    namespace http = boost::beast::http;
    boost::beast::flat_buffer buffer;
    for (;;) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(64 << 20);
      boost::system::error_code error;
      http::read(socket, buffer, parser, error);
      if (error) return;
      http::response<http::string_body> response;
      Keep(parser.get(), response);
      response.keep_alive(parser.get().keep_alive());
      response.prepare_payload();
      http::write(socket, response, error);
      if (error) return;
    }
  }

  template <class Request, class Response>
  void Keep(const Request& request, Response& response) {
    const std::lock_guard lock(mu_);
    const auto type = request[boost::beast::http::field::content_type];
    Post post{.target = std::string(request.target().data(), request.target().size()),
              .content_type = std::string(type.data(), type.size()),
              .body = nlohmann::json::parse(request.body(), nullptr, false)};
    response.result(static_cast<unsigned>(status_));
    response.body() = body_;
    if (status_ == 200 && post.body.is_object()) {
      for (const auto& resource : post.body["resourceSpans"]) {
        std::string service;
        for (const auto& attribute : resource["resource"]["attributes"]) {
          if (attribute["key"] == "service.name") service = attribute["value"]["stringValue"];
        }
        for (const auto& scope : resource["scopeSpans"]) {
          for (const auto& span : scope["spans"]) spans_.push_back({service, span});
        }
      }
    }
    posts_.push_back(std::move(post));
  }

  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> stopping_ = false;
  std::mutex mu_;
  int status_ = 200;
  std::string body_ = "{}";
  std::vector<Post> posts_;
  std::vector<Told> spans_;
  std::vector<int> sockets_;
  std::vector<std::jthread> connections_;
  std::thread thread_;
};

}  // namespace perennial::testing
