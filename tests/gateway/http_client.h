#pragma once

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace perennial::gateway::testing {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers = {};
  std::string body = {};

  [[nodiscard]] nlohmann::json Json() const { return nlohmann::json::parse(body, nullptr, false); }
};

// A connection of a blocking HTTP client, for tests.
class HttpClient {
 public:
  explicit HttpClient(int port) : stream_(context_) {
    stream_.connect({boost::asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
  }

  HttpAnswer Send(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::map<std::string, std::string>& headers = {{"Content-Type", "application/json"}}) {
    Begin(method, path, body, headers);
    return Read();
  }
  // Sends without reading the answer.
  void Begin(const std::string& method, const std::string& path, const std::string& body,
             const std::map<std::string, std::string>& headers) {
    boost::beast::http::request<boost::beast::http::string_body> request;
    request.method_string(method);
    request.target(path);
    request.version(11);
    request.set(boost::beast::http::field::host, "localhost");
    for (const auto& [name, value] : headers) request.set(name, value);
    request.body() = body;
    request.prepare_payload();
    boost::beast::error_code error;
    boost::beast::http::write(stream_, request, error);
  }
  void SendRaw(const std::string& bytes) {
    boost::beast::error_code error;
    boost::asio::write(stream_, boost::asio::buffer(bytes), error);
  }
  // Status 0 when the connection ended without an answer.
  HttpAnswer Read() {
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.body_limit(64 << 20);
    boost::beast::error_code error;
    boost::beast::http::read(stream_, buffer_, parser, error);
    if (error) return {};
    HttpAnswer answer{.status = static_cast<int>(parser.get().result_int())};
    answer.body = parser.get().body();
    for (const auto& field : parser.get()) {
      answer.headers.emplace(std::string(field.name_string().data(), field.name_string().size()),
                             std::string(field.value().data(), field.value().size()));
    }
    return answer;
  }
  void Close() {
    boost::beast::error_code ignored;
    stream_.socket().close(ignored);
  }

 private:
  boost::asio::io_context context_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
};

// A piece of a stream: flags and message.
struct Piece {
  int flags = 0;
  std::string message = {};
};

// Those of a body; stops at what is no envelope.
inline std::vector<Piece> PiecesOf(const std::string& body) {
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at + 5 <= body.size();) {
    std::size_t length = 0;
    for (std::size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[at + i]);
    if (at + 5 + length > body.size()) break;
    pieces.push_back({body[at], body.substr(at + 5, length)});
    at += 5 + length;
  }
  return pieces;
}

}  // namespace perennial::gateway::testing
