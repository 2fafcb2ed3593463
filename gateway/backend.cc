#include "gateway/backend.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/server.h"

namespace perennial::gateway {
namespace {

constexpr int kRetryAfterMilliseconds = 1000;

}  // namespace

Backend::Backend(Options options)
    : options_(std::move(options)),
      channel_(MakeChannel(options_.target)),
      stub_(channel_),
      stream_stub_(MakeChannel(options_.target)) {}

bool Backend::TryAdmitStream() {
  if (streams_.fetch_add(1) < options_.max_streams) return true;
  streams_.fetch_sub(1);
  return false;
}

void Backend::ReleaseStream() { streams_.fetch_sub(1); }

grpc::Status Backend::StatusForCaller(const grpc::Status& status) const {
  // Our services attach details to what they refuse, so an UNAVAILABLE without comes from the transport.
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE || !status.error_details().empty()) return status;
  const absl::Status unreachable =
      absl::UnavailableError(absl::StrCat(options_.name, " cannot be reached; retry with back-off"));
  return ToGrpcStatus(WithRetryAfter(WithReason(unreachable, "SERVICE_UNREACHABLE"), kRetryAfterMilliseconds));
}

}  // namespace perennial::gateway
