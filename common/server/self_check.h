#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace perennial {

// Asks a server for its health at an interval, each time over a new connection, and reports when it has not answered several
// times in a row. A server of gRPC 1.51 that once ran out of file descriptors never accepts a connection again, while those
// that it has go on: only a new connection tells.
class SelfCheck {
 public:
  struct Options {
    std::string address;
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    std::chrono::milliseconds interval{2000};
    std::chrono::milliseconds timeout{2000};
    int most_failures = 3;
  };
  // `on_dead` is called once, on the thread of this.
  SelfCheck(Options options, std::function<void()> on_dead);

 private:
  void Loop(const std::stop_token& stop);
  [[nodiscard]] bool Answers() const;

  const Options options_;
  const std::function<void()> on_dead_;
  std::mutex mu_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: uses all of the above
};

}  // namespace perennial
