#include "gateway/backend.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/server.h"

namespace perennial::gateway {
namespace {

constexpr int kRetryAfterMilliseconds = 1000;
constexpr std::chrono::milliseconds kLongEnough{1000};

}  // namespace

Backend::Backend(Options options)
    : options_(std::move(options)),
      channel_(MakeChannel(options_.target, options_.tls)),
      breaker_(options_.breaker) {}

bool Backend::TryAdmitStream() {
  if (streams_.fetch_add(1) < options_.max_streams) return true;
  streams_.fetch_sub(1);
  return false;
}

void Backend::ReleaseStream() { streams_.fetch_sub(1); }

CircuitBreaker::Outcome Backend::OutcomeOf(const grpc::Status& status, std::chrono::nanoseconds time) {
  using Outcome = CircuitBreaker::Outcome;
  switch (status.error_code()) {
    // Our services attach details to what they refuse, so an UNAVAILABLE without comes from the transport.
    case grpc::StatusCode::UNAVAILABLE: return status.error_details().empty() ? Outcome::kFailed : Outcome::kAnswered;
    // A caller in a hurry says nothing about the service. At a caller's deadline its cancellation comes first as often as not.
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED: return time >= kLongEnough ? Outcome::kFailed : Outcome::kUnclear;
    default: return Outcome::kAnswered;
  }
}

bool Backend::IsTurnedAway(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::CANCELLED && status.error_details().empty();
}

bool Backend::IsTransient(const grpc::Status& status) {
  if (IsTurnedAway(status)) return true;
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return false;
  if (status.error_details().empty()) return true;
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return false;
  google::rpc::ErrorInfo info;
  return std::any_of(details.details().begin(), details.details().end(),
                     [&](const auto& detail) { return detail.UnpackTo(&info) && info.reason() == "DRAINING"; });
}

grpc::Status Backend::Unreachable() const { return StatusForCaller({grpc::StatusCode::UNAVAILABLE, ""}); }

grpc::Status Backend::StatusForCaller(const grpc::Status& status) const {
  const bool unreachable_code = status.error_code() == grpc::StatusCode::UNAVAILABLE || IsTurnedAway(status);
  if (!unreachable_code || !status.error_details().empty()) return status;
  const absl::Status unreachable =
      absl::UnavailableError(absl::StrCat(options_.name, " cannot be reached; retry with back-off"));
  return ToGrpcStatus(WithRetryAfter(WithReason(unreachable, "SERVICE_UNREACHABLE"), kRetryAfterMilliseconds));
}

}  // namespace perennial::gateway
