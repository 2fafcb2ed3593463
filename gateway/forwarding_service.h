#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "gateway/call_limit.h"
#include "gateway/forwarded_call.h"
#include "gateway/gatekeeper.h"
#include "gateway/routes.h"

namespace perennial::gateway {

// Answers every method that no other service of the server answers: forwards it where `routes` says, or UNIMPLEMENTED.
class ForwardingService final : public grpc::CallbackGenericService {
 public:
  // All must outlive the calls; `limit` does by itself.
  ForwardingService(const Routes& routes, Gatekeeper& gatekeeper, CallLimit& limit)
      : routes_(routes), gatekeeper_(gatekeeper), limit_(limit) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

  // Ends every stream, present and future, with UNAVAILABLE, so that they don't hold the server's shutdown up. Calls
  // with one answer go on.
  void Drain();

 private:
  void Forget(ForwardedCall* call);

  // What is to be done with a call, or why it is refused.
  absl::StatusOr<Admission> Admit(const grpc::GenericCallbackServerContext& context, const Route*& route);
  grpc::ServerGenericBidiReactor* StartStream(const Route& route, grpc::GenericCallbackServerContext& context,
                                              Admission admission);

  const Routes& routes_;
  Gatekeeper& gatekeeper_;
  CallLimit& limit_;
  Mutex mu_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  std::map<ForwardedCall*, std::weak_ptr<ForwardedCall>> streams_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial::gateway
