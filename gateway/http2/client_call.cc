#include "gateway/http2/client_call.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"

namespace perennial::gateway::http2 {
namespace {

constexpr std::size_t kMaxEchoedPath = 200;

absl::Status UnknownMethod(absl::string_view path) {
  const std::string echoed = absl::CHexEscape(path.substr(0, kMaxEchoedPath));
  return WithReason(absl::UnimplementedError(absl::StrCat("no such method: ", echoed, "; reflection lists them all")),
                    "UNKNOWN_METHOD");
}

absl::Status MetadataTooLarge() {
  return WithReason(absl::ResourceExhaustedError("the call's metadata are larger than the gateway takes"), "METADATA_TOO_LARGE");
}

absl::Status Compressed() {
  return WithReason(absl::UnimplementedError("compressed requests are not taken; supported: identity"), "COMPRESSED");
}

}  // namespace

ClientCall::ClientCall(const CallGates& gates, CallPools& pools, EventLoop& loop, const std::string& peer, Owner& owner)
    : gates_(gates), pools_(pools), loop_(loop), peer_(peer), owner_(owner), begun_at_(std::chrono::steady_clock::now()) {}

ClientCall::~ClientCall() {
  // A client that left before its answer has cancelled.
  if (begun_ && !finished_) Count(grpc::StatusCode::CANCELLED);
  relay_ = nullptr;
  if (admitted_) gates_.limit.Release();
}

void ClientCall::OnField(absl::string_view name, absl::string_view value) {
  if (begun_) return;  // of trailers, which say nothing here
  const std::string text(value);
  if (name == ":path") {
    head_.path = text;
  } else if (name == ":method") {
    head_.method = text;
  } else if (name == "content-type") {
    head_.content_type = text;
  } else if (name == "grpc-encoding") {
    head_.encoding = text;
  } else if (name == "grpc-timeout") {
    head_.timeout = ParseGrpcTimeout(value);
  } else if (name == "authorization") {
    head_.authorization.push_back(text);
  } else if (name == kTraceparentKey) {
    head_.traceparents.push_back(text);
  } else if (name == kTracestateKey) {
    if (head_.tracestate.empty()) head_.tracestate = text;
  } else if (name == "x-request-id") {
    if (head_.request_id.empty()) head_.request_id = text;
  }
}

void ClientCall::OnFields(bool last) {
  if (!begun_) {
    begun_ = true;
    Begin();
  }
  if (last) OnEnd();
}

bool ClientCall::IsGrpc() {
  if (head_.method == "POST" && absl::StartsWith(head_.content_type, "application/grpc")) return true;
  // Whoever speaks something else understands HTTP.
  Respond({{":status", head_.method == "POST" ? "415" : "405"}, {"content-length", "0"}}, true);
  finished_ = true;
  return false;
}

void ClientCall::Begin() {
  if (gates_.counts != nullptr) counted_ = &gates_.counts->Of(head_.path);
  if (counted_ != nullptr) ++counted_->started;
  const bool probe = absl::StartsWith(head_.path, "/grpc.");
  span_.emplace(probe ? nullptr : gates_.spans, head_.path);
  span_->Begin(head_.traceparents.size() == 1 ? head_.traceparents.front() : std::string(), head_.tracestate);
  if (!IsGrpc()) return Count(grpc::StatusCode::UNIMPLEMENTED);
  if (too_large_) return Finish(ToGrpcStatus(MetadataTooLarge()));
  // It would be inflated before its size is known.
  if (!head_.encoding.empty() && head_.encoding != "identity") return Finish(ToGrpcStatus(Compressed()));
  if (gates_.own.contains(head_.path)) return CarryToOwn();
  const absl::Status status = Admit();
  if (!status.ok()) return Finish(ToGrpcStatus(status));
  if (pools_.draining) Drain();
}

absl::Status ClientCall::Admit() {
  const std::vector<absl::string_view> authorization(head_.authorization.begin(), head_.authorization.end());
  PERENNIAL_ASSIGN_OR_RETURN(Caller caller, gates_.gatekeeper.Identify(authorization));
  const Route* route = gates_.routes.Find(head_.path);
  if (route == nullptr) return UnknownMethod(head_.path);
  PERENNIAL_RETURN_IF_ERROR(gates_.gatekeeper.Authorize(caller, route->policy));
  PERENNIAL_ASSIGN_OR_RETURN(Admission admission, gates_.gatekeeper.Admit(std::move(caller), span_->traceparent(), peer_));
  if (!gates_.limit.TryAdmit(route->policy.priority)) return BusyStatus();
  admitted_ = true;
  Backend& backend = *route->backend;
  if (!backend.breaker().TryPass()) return FromGrpcStatus(backend.Unreachable());
  CallPools::Service& pools = pools_.services.at(&backend);
  if (!route->server_streaming && !route->client_streaming) {
    relay_ = CarryUnary(*this, *pools.calls, *route, std::move(admission));
    return absl::OkStatus();
  }
  if (!backend.TryAdmitStream()) {
    backend.breaker().Report(CircuitBreaker::Outcome::kUnclear);
    return BusyStatus();
  }
  relay_ = CarryStream(*this, *pools.streams, *route, std::move(admission));
  return absl::OkStatus();
}

void ClientCall::CarryToOwn() { relay_ = CarryToOwnService(*this, *pools_.own); }

void ClientCall::OnData(absl::string_view piece) {
  if (relay_ != nullptr && !finished_) return relay_->OnRequestData(piece);
  Consume(piece.size());
}

void ClientCall::OnEnd() {
  if (relay_ != nullptr && !finished_) relay_->OnRequestEnd();
}

void ClientCall::OnSent(std::size_t bytes) {
  if (relay_ != nullptr) relay_->OnResponseSent(bytes);
}

void ClientCall::OnClosed(std::uint32_t) { owner_.OnOver(*this); }

void ClientCall::Drain() {
  if (relay_ != nullptr && !finished_) relay_->Drain();
}

void ClientCall::SendHead(const Fields& fields) {
  if (head_sent_ || finished_) return;
  head_sent_ = true;
  Fields all = {{":status", "200"}, {"content-type", "application/grpc"}};
  all.insert(all.end(), fields.begin(), fields.end());
  Respond(all, false);
}

void ClientCall::Finish(const GrpcTrailers& trailers) {
  if (finished_) return;
  finished_ = true;
  Count(trailers.code());
  Fields fields;
  if (!head_sent_) fields = {{":status", "200"}, {"content-type", "application/grpc"}};
  fields.push_back({"grpc-status", trailers.status});
  if (!trailers.message.empty()) fields.push_back({"grpc-message", trailers.message});
  if (!trailers.details.empty()) fields.push_back({"grpc-status-details-bin", trailers.details});
  if (head_sent_) {
    EndWith(fields);
  } else {
    Respond(fields, true);
  }
}

void ClientCall::Count(int code) {
  if (span_.has_value()) span_->End(code);
  if (counted_ != nullptr) std::exchange(counted_, nullptr)->Handled(code, std::chrono::steady_clock::now() - begun_at_);
}

}  // namespace perennial::gateway::http2
