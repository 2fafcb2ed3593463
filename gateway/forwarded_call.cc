#include "gateway/forwarded_call.h"

#include <utility>

#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "gateway/forwarded_metadata.h"

namespace perennial::gateway {

ForwardedCall::ForwardedCall(const Route& route, grpc::GenericCallbackServerContext& context, Admission admission)
    : route_(route), caller_context_(context), path_(context.method()), admission_(std::move(admission)) {
  backend_context_.set_deadline(route.server_streaming ? context.deadline() : DeadlineOf(context));
  ForwardRequestMetadata(context, admission_, backend_context_);
}

grpc::ServerGenericBidiReactor* ForwardedCall::Start(const std::shared_ptr<ForwardedCall>& call) {
  call->held_by_caller_ = call->held_by_backend_ = call;
  call->caller_.StartRead(&call->request_);
  call->route_.backend->stub(call->route_.server_streaming)
      .PrepareBidiStreamingCall(&call->backend_context_, call->path_, {}, &call->backend_);
  call->backend_.AddMultipleHolds(2);
  call->backend_.StartCall();
  return &call->caller_;
}

void ForwardedCall::Drain() {
  drained_ = true;
  backend_context_.TryCancel();
}

void ForwardedCall::OnRequestRead(bool ok) {
  {
    MutexLock lock(mu_);
    if (requests_closed_) return;
    if (ok) {
      request_busy_ = true;
    } else {
      requests_closed_ = true;
    }
  }
  if (ok) return backend_.StartWrite(&request_);
  // A caller who vanished has not said that these were all requests.
  if (caller_context_.IsCancelled()) {
    backend_context_.TryCancel();
  } else {
    backend_.StartWritesDone();
  }
  backend_.RemoveHold();
}

void ForwardedCall::OnRequestWritten(bool ok) {
  request_.Clear();
  bool closed = false;
  {
    MutexLock lock(mu_);
    request_busy_ = false;
    requests_closed_ = requests_closed_ || !ok;
    closed = requests_closed_;
  }
  if (closed) {
    backend_.RemoveHold();
  } else {
    caller_.StartRead(&request_);
  }
}

void ForwardedCall::CloseRequests() {
  {
    MutexLock lock(mu_);
    if (requests_closed_) return;
    requests_closed_ = true;
    if (request_busy_) return;
  }
  backend_.RemoveHold();
}

void ForwardedCall::OnInitialMetadata(bool ok) {
  if (!ok) return EndResponses();
  ForwardInitialMetadata(backend_context_, caller_context_);
  // At once, as the first message of a watch may be long in coming.
  caller_.StartSendInitialMetadata();
  backend_.StartRead(&response_);
}

void ForwardedCall::OnResponseRead(bool ok) {
  if (!ok) return EndResponses();
  caller_.StartWrite(&response_);
}

void ForwardedCall::OnResponseWritten(bool ok) {
  response_.Clear();
  if (ok) return backend_.StartRead(&response_);
  backend_context_.TryCancel();
  EndResponses();
}

void ForwardedCall::EndResponses() {
  CloseRequests();
  backend_.RemoveHold();
}

void ForwardedCall::OnCallerLeft() {
  backend_context_.TryCancel();
  CloseRequests();
}

void ForwardedCall::OnBackendDone(const grpc::Status& status) {
  route_.backend->breaker().Report(Backend::OutcomeOf(status, std::chrono::nanoseconds(0)));
  if (drained_ && status.error_code() == grpc::StatusCode::CANCELLED) {
    const auto draining = absl::UnavailableError("the gateway is draining; resume from the last progress_revision");
    return caller_.Finish(ToGrpcStatus(WithReason(draining, "DRAINING")));
  }
  caller_.Finish(caller_context_.IsCancelled() ? status : route_.backend->StatusForCaller(status));
}

}  // namespace perennial::gateway
