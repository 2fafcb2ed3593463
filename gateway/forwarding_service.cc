#include "gateway/forwarding_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/base/status_macros.h"
#include "common/server/serve_unary.h"
#include "gateway/unary_forward.h"

namespace perennial::gateway {
namespace {

constexpr std::size_t kMaxEchoedPath = 200;

// A call that is refused at once.
class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const absl::Status& status) { Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

absl::Status UnknownMethod(absl::string_view path) {
  const std::string echoed = absl::CHexEscape(path.substr(0, kMaxEchoedPath));
  return WithReason(absl::UnimplementedError(absl::StrCat("no such method: ", echoed, "; reflection lists them all")),
                    "UNKNOWN_METHOD");
}

}  // namespace

absl::StatusOr<Admission> ForwardingService::Admit(const grpc::GenericCallbackServerContext& context,
                                                   const Route*& route) {
  PERENNIAL_ASSIGN_OR_RETURN(Caller caller, gatekeeper_.Identify(context));
  route = routes_.Find(context.method());
  if (route == nullptr) return UnknownMethod(context.method());
  PERENNIAL_RETURN_IF_ERROR(gatekeeper_.Authorize(caller, route->policy));
  return gatekeeper_.Admit(std::move(caller), context, context.peer());
}

grpc::ServerGenericBidiReactor* ForwardingService::CreateReactor(grpc::GenericCallbackServerContext* context) {
  const Route* route = nullptr;
  absl::StatusOr<Admission> admission = Admit(*context, route);
  if (!admission.ok()) return new Refusal(admission.status());
  if (!limit_.TryAdmit(route->policy.priority)) return new Refusal(BusyStatus());
  if (!route->backend->breaker().TryPass()) {
    limit_.Release();
    return new Refusal(FromGrpcStatus(route->backend->Unreachable()));
  }
  if (route->server_streaming || route->client_streaming) {
    return StartStream(*route, *context, *std::move(admission));
  }
  return UnaryForward::Start(*route, *context, *std::move(admission), [this] { limit_.Release(); });
}

grpc::ServerGenericBidiReactor* ForwardingService::StartStream(const Route& route,
                                                               grpc::GenericCallbackServerContext& context,
                                                               Admission admission) {
  if (!route.backend->TryAdmitStream()) {
    route.backend->breaker().Report(CircuitBreaker::Outcome::kUnclear);
    limit_.Release();
    return new Refusal(BusyStatus());
  }
  const std::shared_ptr<ForwardedCall> call(new ForwardedCall(route, context, std::move(admission)),
                                            [this, &route](ForwardedCall* done) {
                                              Forget(done);
                                              delete done;
                                              route.backend->ReleaseStream();
                                              limit_.Release();
                                            });
  bool draining = false;
  {
    MutexLock lock(mu_);
    streams_.emplace(call.get(), call);
    draining = draining_;
  }
  grpc::ServerGenericBidiReactor* reactor = ForwardedCall::Start(call);
  if (draining) call->Drain();
  return reactor;
}

void ForwardingService::Drain() {
  std::vector<std::shared_ptr<ForwardedCall>> streams;
  {
    MutexLock lock(mu_);
    draining_ = true;
    for (const auto& [raw, weak] : streams_) {
      if (auto stream = weak.lock()) streams.push_back(std::move(stream));
    }
  }
  for (const auto& stream : streams) stream->Drain();
}

void ForwardingService::Forget(ForwardedCall* call) {
  MutexLock lock(mu_);
  streams_.erase(call);
}

}  // namespace perennial::gateway
