#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "gateway/gatekeeper.h"
#include "gateway/routes.h"

namespace perennial::gateway {

// A call with one request and one answer on its way through the gateway, as bytes. A service that cannot be reached is asked
// again, three times in all, where that is safe: the method only reads, or the request has a request_id. This is the only place
// that does so: with retries at every hop an outage would multiply them.
//
// Deletes itself when gRPC is done with it. Attempts follow one another.
class UnaryForward final : public grpc::ServerGenericBidiReactor {
 public:
  // `over` is called last of all. The breaker of the route's service has let the call pass. The deadline is the caller's, at most
  // kLongestCall (kLongestAnalysis for an analysis).
  static grpc::ServerGenericBidiReactor* Start(const Route& route, grpc::GenericCallbackServerContext& context,
                                               Admission admission, std::function<void()> over);

  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  UnaryForward(const Route& route, grpc::GenericCallbackServerContext& context, Admission admission,
               std::function<void()> over);
  void Attempt();
  void OnAnswer(const grpc::Status& status);
  // Starts to wait for another attempt; false when there is to be none.
  [[nodiscard]] bool IsCancelled();
  bool TryAgain(const grpc::Status& status);
  [[nodiscard]] bool IsSafeToRepeat() const;
  void FinishWith(const grpc::Status& status);

  const Route& route_;
  grpc::GenericCallbackServerContext& caller_context_;
  const std::string path_;
  const Admission admission_;
  const std::chrono::system_clock::time_point deadline_;
  std::function<void()> over_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::chrono::steady_clock::time_point begun_;  // of the attempt
  int attempts_ = 0;
  std::unique_ptr<grpc::Alarm> alarm_;

  Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial::gateway
