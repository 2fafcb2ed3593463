#include "bench/http2_load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bench/timing.h"

namespace perennial::bench {
namespace {

enum Frame : std::uint8_t { kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kGoAway = 7, kWindow = 8 };
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kAck = 1;
constexpr std::uint8_t kEndHeaders = 4;
constexpr std::size_t kFrameHeader = 9;
constexpr std::uint32_t kWindowSize = 1U << 30;

void AppendNumber(std::string& out, std::uint32_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

void AppendFrame(std::string& out, Frame type, std::uint8_t flags, std::uint32_t stream, absl::string_view payload) {
  AppendNumber(out, static_cast<std::uint32_t>(payload.size()), 3);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  AppendNumber(out, stream, 4);
  absl::StrAppend(&out, payload);
}

// A header that both sides remember from then on (RFC 7541, 6.2.1).
void AppendHeader(std::string& out, absl::string_view name, absl::string_view value) {
  out.push_back(0x40);
  for (const absl::string_view text : {name, value}) {
    if (text.size() > 126) Die("a header of the load is too long");
    out.push_back(static_cast<char>(text.size()));
    absl::StrAppend(&out, text);
  }
}

class Connection {
 public:
  Connection(const std::string& host, int port, std::string path) : path_(std::move(path)), host_(host) {
    socket_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1 ||
        connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      Die("the load cannot connect");
    }
    const int on = 1;
    (void)setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)fcntl(socket_, F_SETFL, O_NONBLOCK);
    out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    std::string settings;
    AppendNumber(settings, 4, 2);  // INITIAL_WINDOW_SIZE
    AppendNumber(settings, kWindowSize, 4);
    AppendFrame(out_, kSettings, 0, 0, settings);
    GrowWindow();
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Calls with this body from now on, one call after another.
  void Add(const std::string& body) { Ask(&body); }
  [[nodiscard]] pollfd Wanted() const {
    return {.fd = socket_, .events = static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), .revents = 0};
  }
  // Reads and writes what can be; returns how many calls were answered.
  std::int64_t Work() {
    char buffer[65536];
    for (;;) {
      const ssize_t got = read(socket_, buffer, sizeof(buffer));
      if (got == 0) Die("the server closed a connection of the load");
      if (got < 0 && errno != EAGAIN) Die("a connection of the load failed");
      if (got < 0) break;
      in_.append(buffer, static_cast<std::size_t>(got));
    }
    const std::int64_t answered = TakeFrames();
    while (!out_.empty()) {
      const ssize_t put = write(socket_, out_.data(), out_.size());
      if (put < 0 && errno != EAGAIN) Die("a connection of the load failed");
      if (put < 0) break;
      out_.erase(0, static_cast<std::size_t>(put));
    }
    return answered;
  }

 private:
  struct Call {
    const std::string* body = nullptr;
    bool has_message = false;
  };

  void Ask(const std::string* body) {
    std::string headers;
    if (next_stream_ == 1) {
      headers = "\x83\x86";  // POST, http
      AppendHeader(headers, ":path", path_);
      AppendHeader(headers, ":authority", host_);
      AppendHeader(headers, "content-type", "application/grpc");
      AppendHeader(headers, "te", "trailers");
    } else {
      headers = "\x83\x86\xc1\xc0\xbf\xbe";  // the same, as remembered: the last has number 62
    }
    AppendFrame(out_, kHeaders, kEndHeaders, next_stream_, headers);
    AppendFrame(out_, kData, kEndStream, next_stream_, *body);
    calls_[next_stream_] = {.body = body};
    next_stream_ += 2;
  }

  void GrowWindow() {
    std::string more;
    AppendNumber(more, kWindowSize, 4);
    AppendFrame(out_, kWindow, 0, 0, more);
    received_ = 0;
  }

  std::int64_t TakeFrames() {
    std::int64_t answered = 0;
    std::size_t at = 0;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(in_[at + i])); };
    while (in_.size() - at >= kFrameHeader) {
      const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
      if (in_.size() - at < kFrameHeader + size) break;
      const std::uint32_t flags = byte(4);
      const std::uint32_t stream = (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffff;
      const absl::string_view payload = absl::string_view(in_).substr(at + kFrameHeader, size);
      switch (byte(3)) {
        case kData:
          calls_[stream].has_message = true;
          received_ += size;
          if (received_ > kWindowSize / 2) GrowWindow();
          break;
        case kSettings:
          if ((flags & kAck) == 0) AppendFrame(out_, kSettings, kAck, 0, "");
          break;
        case kPing:
          if ((flags & kAck) == 0) AppendFrame(out_, kPing, kAck, 0, payload);
          break;
        case kReset:
        case kGoAway: Die("the server refused a call of the load");
        default: break;
      }
      if (stream != 0 && (flags & kEndStream) != 0 && (byte(3) == kHeaders || byte(3) == kData)) {
        const Call call = calls_[stream];
        calls_.erase(stream);
        if (!call.has_message) Die("a call of the load was answered with an error");
        ++answered;
        Ask(call.body);
      }
      at += kFrameHeader + size;
    }
    in_.erase(0, at);
    return answered;
  }

  const std::string path_;
  const std::string host_;
  int socket_ = -1;
  std::string in_;
  std::string out_;
  std::size_t received_ = 0;
  std::uint32_t next_stream_ = 1;
  std::map<std::uint32_t, Call> calls_;
};

}  // namespace

double Http2Load(const std::string& host_and_port, const std::string& path, const std::vector<std::string>& bodies,
                 int connections, int seconds) {
  const std::size_t colon = host_and_port.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(host_and_port.substr(colon + 1), &port)) Die("no address to load");
  std::vector<std::unique_ptr<Connection>> all;
  for (int i = 0; i < connections; ++i) {
    all.push_back(std::make_unique<Connection>(host_and_port.substr(0, colon), port, path));
  }
  for (std::size_t i = 0; i < bodies.size(); ++i) all[i % all.size()]->Add(bodies[i]);
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::duration<double> passed{0};
  std::int64_t answered = 0;
  while (passed < std::chrono::seconds(seconds)) {
    std::vector<pollfd> wanted;
    wanted.reserve(all.size());
    for (const auto& connection : all) wanted.push_back(connection->Wanted());
    if (poll(wanted.data(), wanted.size(), 1000) < 0) Die("the load cannot wait");
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (wanted[i].revents != 0) answered += all[i]->Work();
    }
    passed = std::chrono::steady_clock::now() - begin;
  }
  return static_cast<double>(answered) / passed.count();
}

}  // namespace perennial::bench
