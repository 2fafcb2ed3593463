#pragma once

#include <gtest/gtest.h>

#include <chrono>
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
    StartProcess({});
    Await([this] { return Answers(); });
  }
  // Starts it (anew) with what it had and a lot more to read from disk: until FinishLoading(), for more than a minute, it refuses
  // every read with LOADING.
  void RestartLoading() {
    (void)Run({"CONFIG", "SET", "rdbcompression", "no"});
    (void)Run({"EVAL", "for i = 1, 4000 do redis.call('SET', 'ballast' .. i, string.rep('x', 1024)) end", "0"});
    (void)Run({"SAVE"});
    StartProcess({"--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"});
    Await([this] { return IsLoading(); });
  }
  void FinishLoading() {
    (void)Run({"CONFIG", "SET", "key-load-delay", "0"});
    Await([this] { return Answers(); });
  }
  [[nodiscard]] bool IsLoading() const { return Run({"GET", "ballast1"}).text.rfind("LOADING", 0) == 0; }
  void Stop() { process_.reset(); }
  // It hangs: connections are accepted, nothing is answered.
  void Freeze() { process_->Freeze(); }
  void Thaw() { process_->Thaw(); }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Runs one command with a connection of its own.
  RedisReply Run(const RedisCommand& command) const {
    auto client = RedisClient::Create({.address = address(), .timeout = std::chrono::milliseconds(2000)});
    if (!client.ok()) return {};
    auto replies = (*client)->Run({command});
    return replies.ok() && replies->size() == 1 ? replies->front() : RedisReply{};
  }

 private:
  void StartProcess(const std::vector<std::string>& more) {
    process_.reset();
    std::vector<std::string> command = {"redis-server", "--port", std::to_string(port_), "--bind", "127.0.0.1", "--save", "",
                                        "--appendonly", "no", "--dir", folder_.path()};
    command.insert(command.end(), more.begin(), more.end());
    process_ = std::make_unique<Process>(command, folder_.path() + "/redis.log");
  }
  template <class Condition>
  void Await(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (!process_->running() || std::chrono::steady_clock::now() > deadline) {
        FAIL() << "redis-server did not start; is it installed?\n" << ReadFile(folder_.path() + "/redis.log");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  [[nodiscard]] bool Answers() const { return Run({"PING"}).text == "PONG"; }

  const int port_;
  TemporaryFolder folder_;
  std::unique_ptr<Process> process_;
};

}  // namespace perennial::testing
