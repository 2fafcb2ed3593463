#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/server/health_service.h"
#include "gateway/backend.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace perennial::gateway {

// Asks each service at an interval whether it is ready, and lets the gateway's own health probe say so for the names of
// what is served there. Starts with none being so.
class BackendMonitor {
 public:
  struct Watched {
    Backend* backend;
    // Names in the health probe that mirror this service.
    std::vector<std::string> names;
  };
  // `health` and the backends must outlive this.
  BackendMonitor(std::vector<Watched> watched, HealthService& health, std::chrono::milliseconds interval);
  // Ends what is under way.
  ~BackendMonitor();

 private:
  struct Probe {
    Watched watched;
    // Set while a question is under way; it is then not asked again.
    std::shared_ptr<grpc::ClientContext> context;
    grpc::health::v1::HealthCheckRequest request;
    grpc::health::v1::HealthCheckResponse response;
    std::optional<bool> serving;
  };

  void Loop(const std::stop_token& stop);
  void Ask(Probe& probe);
  void OnAnswer(Probe& probe, const grpc::Status& status);

  HealthService& health_;
  const std::chrono::milliseconds interval_;
  std::mutex mu_;
  std::condition_variable_any changed_;
  std::vector<std::unique_ptr<Probe>> probes_;  // the vector is constant; `context` is guarded by mu_
  std::jthread thread_;
};

}  // namespace perennial::gateway
