#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/cache/redis_client.h"
#include "tests/testing/process.h"

namespace perennial::testing {

// A Redis of the test's own, on a free port, with nothing kept on disk.
class RedisServer {
 public:
  RedisServer() : port_(FreePort()) { Start(); }

  // Starts it (anew) on the same port; what it had is lost. Fails the test when there is no redis-server.
  void Start() {
    process_.reset();
    process_ = std::make_unique<Process>(
        std::vector<std::string>{"redis-server", "--port", std::to_string(port_), "--bind", "127.0.0.1", "--save", "",
                                 "--appendonly", "no", "--dir", folder_.path()},
        folder_.path() + "/redis.log");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!Answers()) {
      if (!process_->running() || std::chrono::steady_clock::now() > deadline) {
        FAIL() << "redis-server did not start; is it installed?\n" << ReadFile(folder_.path() + "/redis.log");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  void Stop() { process_.reset(); }
  // It hangs: connections are accepted, nothing is answered.
  void Freeze() { process_->Signal(SIGSTOP); }
  void Thaw() { process_->Signal(SIGCONT); }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Runs one command with a connection of its own.
  RedisReply Run(const RedisCommand& command) const {
    auto client = RedisClient::Create({.address = address(), .timeout = std::chrono::milliseconds(2000)});
    if (!client.ok()) return {};
    auto replies = (*client)->Run({command});
    return replies.ok() && replies->size() == 1 ? replies->front() : RedisReply{};
  }

 private:
  [[nodiscard]] bool Answers() const { return Run({"PING"}).text == "PONG"; }

  const int port_;
  TemporaryFolder folder_;
  std::unique_ptr<Process> process_;
};

}  // namespace perennial::testing
