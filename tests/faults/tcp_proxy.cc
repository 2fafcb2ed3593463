#include "tests/faults/tcp_proxy.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace perennial::testing {
namespace {

constexpr int kTurnMilliseconds = 5;

sockaddr_in Local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool WouldBlock(ssize_t n) { return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN); }

}  // namespace

TcpProxy::TcpProxy(int server_port) : server_port_(server_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address = Local(0);
  socklen_t size = sizeof address;
  bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  listen(listener_, 128);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Loop(); });
}

TcpProxy::~TcpProxy() {
  stopping_ = true;
  thread_.join();
  for (Pair& pair : pairs_) Close(pair);
  close(listener_);
}

void TcpProxy::Loop() {
  while (!stopping_) {
    std::vector<pollfd> fds = {{.fd = listener_, .events = POLLIN, .revents = 0}};
    for (const Pair& pair : pairs_) {
      for (int side = 0; side < 2; ++side) {
        // Nothing is read from a side whose words are held back: they wait as in a network.
        const bool reads = !cut_[side] && pair.pending[side].empty();
        const bool writes = !pair.pending[1 - side].empty() && !cut_[1 - side];
        const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
        if (events != 0) fds.push_back({.fd = pair.fd[side], .events = static_cast<short>(events), .revents = 0});
      }
    }
    (void)poll(fds.data(), fds.size(), kTurnMilliseconds);
    Accept();
    for (Pair& pair : pairs_) Move(pair);
    std::erase_if(pairs_, [](const Pair& pair) { return pair.over; });
  }
}

void TcpProxy::Accept() {
  // A connection is made through both directions.
  if (cut_[0] || cut_[1]) return;
  const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
  if (client < 0) return;
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = Local(server_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(server);
    close(client);
    return;
  }
  fcntl(server, F_SETFL, O_NONBLOCK);
  const int yes = 1;
  for (const int fd : {client, server}) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  Pair pair;
  pair.fd[0] = client;
  pair.fd[1] = server;
  pairs_.push_back(std::move(pair));
}

void TcpProxy::Move(Pair& pair) {
  for (int side = 0; side < 2; ++side) {
    if (cut_[side]) continue;
    std::string& pending = pair.pending[side];
    if (pending.empty()) {
      char buffer[16384];
      const ssize_t n = recv(pair.fd[side], buffer, sizeof buffer, 0);
      if (n > 0) {
        pending.assign(buffer, static_cast<std::size_t>(n));
      } else if (!WouldBlock(n)) {
        ++closed_;
        return Close(pair);
      }
    }
    if (pending.empty()) continue;
    const ssize_t n = send(pair.fd[1 - side], pending.data(), pending.size(), MSG_NOSIGNAL);
    if (n > 0) {
      pending.erase(0, static_cast<std::size_t>(n));
    } else if (!WouldBlock(n)) {
      ++closed_;
      return Close(pair);
    }
  }
}

void TcpProxy::Close(Pair& pair) {
  for (const int fd : pair.fd) close(fd);
  pair.over = true;
}

}  // namespace perennial::testing
