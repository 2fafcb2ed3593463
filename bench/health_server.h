#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/testing/process.h"

namespace perennial::bench {

// A health-svc on a port of its own; its clock stands at the day of PortfolioFeed.
class HealthServer {
 public:
  // Starts it and waits until it is ready; `more` are further flags. A failure ends the benchmark with a sentence.
  HealthServer(const std::string& data, const std::string& accounts, const std::vector<std::string>& more = {});
  // Ends it as an operator would.
  void Stop();

  [[nodiscard]] std::string address() const;
  [[nodiscard]] int pid() const { return process_->pid(); }
  // From its start until it was ready.
  [[nodiscard]] double start_seconds() const { return start_seconds_; }
  // What /metrics says of a number with these labels, "name{labels}"; 0 when it is not there.
  [[nodiscard]] double Metric(const std::string& name) const;

 private:
  const int port_;
  const int metrics_port_;
  double start_seconds_ = 0;
  std::unique_ptr<perennial::testing::Process> process_;
};

// Processor time that a process has used.
double CpuSecondsOfProcess(int pid);

// A line of /proc/<pid>/status in bytes, such as VmRSS.
double MemoryOfProcess(int pid, const std::string& key);

}  // namespace perennial::bench
