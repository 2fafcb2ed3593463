#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace perennial::gateway::testing {

// A client of HTTP/2 that may send whatever it likes.
class RawHttp2 {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  explicit RawHttp2(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawHttp2() { ::close(socket_); }
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  // False when the other side has closed.
  bool Send(const std::string& bytes) const {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t size = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return false;
      sent += static_cast<std::size_t>(size);
    }
    return true;
  }
  // All that comes until the other side closes; nothing is known of what comes when it does not in time.
  bool ReadToEnd(std::string& out, std::chrono::milliseconds timeout) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    char buffer[16 << 10];
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd poll_for{socket_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&poll_for, 1, static_cast<int>(left.count())) <= 0) return false;
      const ssize_t size = ::recv(socket_, buffer, sizeof(buffer), 0);
      if (size <= 0) return true;
      out.append(buffer, static_cast<std::size_t>(size));
    }
  }

  static std::string Preface() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kSettings, 0, 0, ""); }
  static std::string Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, const std::string& payload) {
    std::string out;
    for (const int shift : {16, 8, 0}) out.push_back(static_cast<char>(payload.size() >> shift));
    out.push_back(static_cast<char>(type));
    out.push_back(static_cast<char>(flags));
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(stream >> shift));
    return out + payload;
  }
  // A whole block of fields; values of less than 127 bytes.
  static std::string Headers(std::uint32_t stream, const Fields& fields, bool last) {
    std::string block;
    for (const auto& [name, value] : fields) {
      block.push_back(0);  // literal, not indexed
      block.push_back(static_cast<char>(name.size()));
      block += name;
      block.push_back(static_cast<char>(value.size()));
      block += value;
    }
    return Frame(kHeaders, static_cast<std::uint8_t>(kEndHeaders | (last ? kEndStream : 0)), stream, block);
  }
  static std::string Reset(std::uint32_t stream) { return Frame(kReset, 0, stream, std::string("\0\0\0\x08", 4)); }
  static Fields Call(const std::string& path) {
    return {{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "localhost"},
            {"content-type", "application/grpc"}, {"te", "trailers"}};
  }

  // The types of the frames in what was read, in order.
  static std::vector<int> TypesOf(const std::string& bytes) {
    std::vector<int> types;
    for (std::size_t at = 0; at + 9 <= bytes.size();) {
      const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at + i])); };
      types.push_back(static_cast<int>(byte(3)));
      at += 9 + (byte(0) << 16 | byte(1) << 8 | byte(2));
    }
    return types;
  }

  static constexpr std::uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kGoAway = 7;
  static constexpr std::uint8_t kEndStream = 1, kEndHeaders = 4;

 private:
  int socket_;
  bool connected_ = false;
};

}  // namespace perennial::gateway::testing
