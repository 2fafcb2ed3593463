#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace perennial::gateway::http2 {

// Leaves out of what a client sends the resets of streams that it has not opened. Clients of gRPC 1.51 send them when a call is cancelled
// before its first frame has left; nghttp2 would end the connection with all that is under way on it, as RFC 9113 has it.
class IdleResets {
 public:
  static constexpr std::size_t kFrameHeader = 9;

  // Calls `feed(view)` with the pieces of `bytes` that stay, and returns how many bytes were looked at: what is left of a frame's
  // header at the end comes again, with what follows it. `feed` returns whether to go on.
  template <class Feed>
  std::size_t Pass(absl::string_view bytes, Feed feed) {
    std::size_t from = 0;
    std::size_t at = 0;
    while (at < bytes.size()) {
      const std::size_t payload = std::min(passing_ + dropping_, bytes.size() - at);
      if (payload > 0) {
        at += payload;
        if (dropping_ > 0) from = at;
        (dropping_ > 0 ? dropping_ : passing_) -= payload;
        continue;
      }
      if (bytes.size() - at < kFrameHeader) break;
      const Header header = HeaderOf(bytes.substr(at));
      if (header.type == kReset && header.stream > opened_) {
        if (at > from && !feed(bytes.substr(from, at - from))) return bytes.size();
        dropping_ = header.size;
        at += kFrameHeader;
        from = at;
        continue;
      }
      if (header.type == kHeaders) opened_ = std::max(opened_, header.stream);
      passing_ = header.size;
      at += kFrameHeader;
    }
    if (at > from && !feed(bytes.substr(from, at - from))) return bytes.size();
    return at;
  }

 private:
  struct Header {
    std::size_t size;
    std::uint8_t type;
    std::uint32_t stream;
  };
  static constexpr std::uint8_t kHeaders = 1;
  static constexpr std::uint8_t kReset = 3;

  static Header HeaderOf(absl::string_view bytes) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
    return {.size = byte(0) << 16 | byte(1) << 8 | byte(2),
            .type = static_cast<std::uint8_t>(bytes[3]),
            .stream = (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffff};
  }

  std::size_t passing_ = 24;  // of the present frame's payload; first of all the client's preface
  std::size_t dropping_ = 0;  // the same, of one that is left out; never both
  std::uint32_t opened_ = 0;  // the latest stream
};

}  // namespace perennial::gateway::http2
