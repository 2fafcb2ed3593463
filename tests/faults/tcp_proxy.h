#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace perennial::testing {

// Stands between a client and a server on this machine and can cut either direction as a network does: what was sent is neither
// delivered nor refused, and arrives once the cut is mended.
class TcpProxy {
 public:
  // Forwards to `server_port` of this machine.
  explicit TcpProxy(int server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  [[nodiscard]] int port() const { return port_; }
  // What clients say does not arrive; or what the server says.
  void CutRequests(bool cut) { cut_[0] = cut; }
  void CutResponses(bool cut) { cut_[1] = cut; }
  // Connections that one of the ends has closed so far.
  [[nodiscard]] int closed() const { return closed_; }

 private:
  // Two sockets of one connection; by direction what was read and not yet written.
  struct Pair {
    int fd[2] = {-1, -1};
    std::string pending[2] = {};
    bool over = false;
  };
  void Loop();
  void Accept();
  void Move(Pair& pair);
  static void Close(Pair& pair);

  const int server_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> cut_[2] = {false, false};
  std::atomic<int> closed_ = 0;
  std::atomic<bool> stopping_ = false;
  std::vector<Pair> pairs_;  // of the thread alone
  std::thread thread_;
};

}  // namespace perennial::testing
