#include "gateway/forwarding_service.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"

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

grpc::ServerGenericBidiReactor* ForwardingService::CreateReactor(grpc::GenericCallbackServerContext* context) {
  const Route* route = routes_.Find(context->method());
  if (route == nullptr) return new Refusal(UnknownMethod(context->method()));
  if (!limit_.TryAdmit()) return new Refusal(BusyStatus());
  if (route->server_streaming && !route->backend->TryAdmitStream()) {
    limit_.Release();
    return new Refusal(BusyStatus());
  }
  const std::shared_ptr<ForwardedCall> call(new ForwardedCall(*route, *context), [this, route](ForwardedCall* done) {
    if (route->server_streaming) Forget(done);
    delete done;
    if (route->server_streaming) route->backend->ReleaseStream();
    limit_.Release();
  });
  bool draining = false;
  if (route->server_streaming) {
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
