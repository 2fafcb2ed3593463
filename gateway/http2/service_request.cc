#include "gateway/http2/service_request.h"

#include <utility>

#include "common/server/call_metadata.h"
#include "gateway/forwarded_metadata.h"

namespace perennial::gateway::http2 {

ServiceRequest::ServiceRequest(const ClientCall& call, const std::string& authority, std::string caller)
    : call_(call), caller_(std::move(caller)) {
  const CallHead& head = call.head();
  common_ = {{":method", "POST"}, {":scheme", "http"}, {":authority", authority}, {":path", head.path}, {"te", "trailers"},
             {"content-type", "application/grpc"}, {kTraceparentKey, call.span().traceparent()}};
  const auto pass = [this](absl::string_view key, const std::string& value) {
    if (!value.empty() && IsForwarded(key, value)) common_.push_back({key, value});
  };
  pass("x-request-id", head.request_id);
  if (call.span().continues()) pass(kTracestateKey, head.tracestate);
  if (!caller_.empty()) common_.push_back({kCallerKey, caller_});
}

void ServiceRequest::AddCredentials() {
  for (const std::string& value : call_.head().authorization) {
    if (IsPrintable(value)) common_.push_back({"authorization", value});
  }
  common_.push_back({kPeerKey, call_.peer()});
}

const Fields& ServiceRequest::At(std::optional<EventLoop::Clock::time_point> deadline) {
  fields_ = common_;
  if (deadline.has_value()) {
    timeout_ = PrintGrpcTimeout(*deadline - EventLoop::Clock::now());
    fields_.push_back({"grpc-timeout", timeout_});
  }
  return fields_;
}

bool GoesOn(absl::string_view name, absl::string_view value) { return IsForwarded(name, value); }

}  // namespace perennial::gateway::http2
