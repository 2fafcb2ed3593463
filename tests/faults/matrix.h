#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace perennial::testing {

// Asks until it holds; false when it does not in time. The time only bounds a test that fails.
inline bool Until(const std::function<bool()>& condition, std::chrono::seconds within = std::chrono::seconds(60)) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

// A test of one row of the matrix of faults and bad input (docs/reliability.md). Prints "#F18 PASS what was seen".
class MatrixTest : public ::testing::Test {
 protected:
  void Row(const std::string& row) { row_ = row; }
  void Observe(const std::string& what) { observed_ += (observed_.empty() ? "" : "; ") + what; }
  // What the processes have logged; printed when the test fails.
  virtual std::string LogsOfTest() const { return {}; }
  void TearDown() override;

 private:
  std::string row_;
  std::string observed_;
};

struct HttpReply {
  int status = 0;  // 0: the connection ended without an answer
  std::string body;
};

// Sends bytes to a port of this machine and reads one answer of HTTP/1.1, at most for `longest`.
HttpReply SendHttp(int port, const std::string& bytes, std::chrono::seconds longest = std::chrono::seconds(30));
HttpReply GetPage(int port, const std::string& path);
// The sum of a metric over all series that have all of `labels` ("a=\"b\""), as /metrics of that port tells.
double MetricOf(int port, const std::string& name, const std::string& labels = "");

}  // namespace perennial::testing
