#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_interceptor.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace perennial {

// Counts the calls of a server under the usual names of gRPC's metrics: grpc_server_started_total, grpc_server_handled_total by
// code, and the histogram grpc_server_handling_seconds, each by service and method. Methods that do not exist count as one. Calls
// never wait for each other here.
class RpcMetrics final : public prometheus::Collectable {
 public:
  // `services` are full names; their descriptors are linked in.
  explicit RpcMetrics(const std::vector<std::string>& services);

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

  // What a server is built with; it keeps `metrics` alive.
  static std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> Interceptor(
      std::shared_ptr<RpcMetrics> metrics);

  static constexpr int kCodes = 17;
  static constexpr std::array<double, 14> kBounds = {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

  // Numbers of one method.
  struct Method {
    std::string service;
    std::string name;
    std::string type;
    std::atomic<std::uint64_t> started = 0;
    std::array<std::atomic<std::uint64_t>, kCodes> handled = {};
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets = {};  // not cumulated
    std::atomic<std::uint64_t> microseconds = 0;

    void Handled(int code, std::chrono::steady_clock::duration took);
  };
  // `path` as gRPC has it, "/package.Service/Method".
  Method& Of(absl::string_view path);

 private:
  std::vector<std::unique_ptr<Method>> methods_;  // the last one is for unknown methods
  absl::flat_hash_map<std::string, Method*> by_path_;
};

}  // namespace perennial
