// What a portfolio costs health-svc: memory (P11), time from start to READY, with an empty database and again (P12),
// and both an account as accounts grow (P14). The real process, fed with sixty facts an account.
//
//   bench_health_portfolio [accounts...]

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/health_server.h"
#include "bench/portfolio_feed.h"
#include "bench/timing.h"
#include "tests/testing/process.h"

namespace {

using perennial::bench::HealthServer;
using perennial::bench::Median;
using perennial::bench::PortfolioFeed;

constexpr int kRestarts = 5;

struct Cost {
  double accounts = 0;
  double first_start = 0;  // seconds
  double restart = 0;
  double restart_cpu = 0;  // processor seconds
  double memory = 0;  // bytes, after the restart
  double peak = 0;
};

Cost Measure(std::int64_t accounts) {
  const PortfolioFeed feed(accounts);
  const perennial::testing::TemporaryFolder folder;
  const std::string data = folder.path() + "/health";
  Cost cost{.accounts = static_cast<double>(accounts)};
  {
    HealthServer server(data, feed.address());
    cost.first_start = server.start_seconds();
    server.Stop();
  }
  std::vector<double> restarts;
  std::vector<double> cpu;
  const int rounds = accounts > 100'000 ? 3 : kRestarts;
  for (int i = 0; i < rounds; ++i) {
    HealthServer server(data, feed.address());
    restarts.push_back(server.start_seconds());
    cpu.push_back(perennial::bench::CpuSecondsOfProcess(server.pid()));
    cost.memory = perennial::bench::MemoryOfProcess(server.pid(), "VmRSS");
    cost.peak = std::max(cost.peak, perennial::bench::MemoryOfProcess(server.pid(), "VmHWM"));
    server.Stop();
  }
  cost.restart = Median(restarts);
  cost.restart_cpu = Median(cpu);
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::int64_t> sizes;
  for (int i = 1; i < argc; ++i) {
    std::int64_t size = 0;
    if (!absl::SimpleAtoi(argv[i], &size) || size < 1) {
      std::cerr << "usage: bench_health_portfolio [accounts...]\n";
      return 1;
    }
    sizes.push_back(size);
  }
  if (sizes.empty()) sizes = {10'000, 100'000, 1'000'000};
  nlohmann::json out = nlohmann::json::array();
  for (const std::int64_t size : sizes) {
    const Cost cost = Measure(size);
    const double plain = cost.accounts * 60 * 8;
    out.push_back({{"benchmark", "health-svc with a portfolio (P11, P12, P14)"},
                   {"accounts", size},
                   {"memory_mb", cost.memory / 1e6},
                   {"peak_memory_mb", cost.peak / 1e6},
                   {"bytes_an_account", cost.memory / cost.accounts},
                   {"memory_of_8_bytes_a_fact_mb", plain / 1e6},
                   {"memory_ratio", cost.memory / plain},
                   {"first_start_s", cost.first_start},
                   {"restart_s", cost.restart},
                   {"restart_cpu_s", cost.restart_cpu},
                   {"restart_us_an_account", cost.restart * 1e6 / cost.accounts}});
  }
  std::cout << out.dump(2) << "\n";
  return 0;
}
