#pragma once

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace perennial {

// gRPC's health probe (grpc.health.v1.Health), made from the vendored proto because the one built into gRPC 1.51 has no
// descriptor, so that reflection fails on it.
//
// The name "" stands for the process and is SERVING from the start; other names are known once set. All methods are
// safe to call from any thread and never block. Destroy it after the server that serves it.
class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  struct Options {
    // Watch calls beyond this are refused with RESOURCE_EXHAUSTED.
    std::size_t max_watchers = 1000;
  };
  HealthService() : HealthService(Options{}) {}
  explicit HealthService(Options options);
  ~HealthService() override;

  // Sets what `service` answers and tells who watches it. Does nothing after ShutDown().
  void SetServing(absl::string_view service, bool serving);

  // Every name answers NOT_SERVING from now on. Watch calls, later ones too, are told so and ended with UNAVAILABLE, so
  // that they don't hold the server's shutdown up.
  void ShutDown();

  // NOT_FOUND for a name that was never set.
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  // SERVICE_UNKNOWN for a name that was never set, until it is. Changes that follow each other faster than the caller
  // reads are sent as one.
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context, const grpc::health::v1::HealthCheckRequest* request) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const grpc::health::v1::HealthListRequest* request,
                                 grpc::health::v1::HealthListResponse* response) override;

 private:
  class Watcher;
  using ServingStatus = grpc::health::v1::HealthCheckResponse::ServingStatus;
  struct State {
    ServingStatus status;
    bool shut_down;
  };

  State StateOf(const std::string& service);
  void Remove(Watcher* watcher);

  const Options options_;
  Mutex mu_;
  bool shut_down_ ABSL_GUARDED_BY(mu_) = false;
  std::map<std::string, bool, std::less<>> serving_ ABSL_GUARDED_BY(mu_);
  // Each watcher owns itself until its call is done; the map keeps it alive while it is being woken.
  std::map<Watcher*, std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial
