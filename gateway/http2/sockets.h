#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <utility>

#include "gateway/http2/transport.h"

namespace perennial::gateway::http2 {

// Small messages leave at once, and a peer that vanished without a word is noticed though there is always something to send.
inline void TuneSocket(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  const unsigned milliseconds = 20000;
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
}

// Both ends of a connection inside this process; absent when no descriptor is left.
inline std::optional<std::pair<int, int>> SocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return std::nullopt;
  return std::make_pair(ends[0], ends[1]);
}

// One end of such a connection, for a loop.
inline Transport::Socket SocketOf(boost::asio::io_context& context, int end) {
  return Transport::Socket(context, boost::asio::generic::stream_protocol(AF_UNIX, 0), end);
}

}  // namespace perennial::gateway::http2
