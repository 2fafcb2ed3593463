#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gateway/caller_limits.h"
#include "gateway/identity/authenticator.h"
#include "gateway/identity/role.h"

namespace perennial::gateway {

// A call that may go on.
struct Admission {
  Caller caller;
  // Names the gateway's own span of the call, which what services are asked is part of.
  std::string traceparent;
  CallerLimits::Ticket ticket;
};

// Decides at the door whether a call may go on: who calls, whether they may, and whether they call too much. What a method does
// with it comes after, so that nobody learns what exists who may not ask. Safe to use from many threads.
class Gatekeeper {
 public:
  // Without an authenticator everybody is an operator without a name.
  Gatekeeper(std::unique_ptr<Authenticator> authenticator, const CallerLimitOptions& limits)
      : authenticator_(std::move(authenticator)), limits_(limits) {}

  // Who calls. UNAUTHENTICATED.
  [[nodiscard]] absl::StatusOr<Caller> Identify(const std::vector<absl::string_view>& authorization);
  [[nodiscard]] absl::StatusOr<Caller> Identify(const grpc::ServerContextBase& context);
  // PERMISSION_DENIED (ROLE_REQUIRED) unless the caller's role is enough.
  [[nodiscard]] absl::Status Authorize(const Caller& caller, const MethodPolicy& policy);
  // RESOURCE_EXHAUSTED when the caller calls too much. `traceparent` names the gateway's span of the call; without names, callers are
  // told apart by `peer`, their address.
  [[nodiscard]] absl::StatusOr<Admission> Admit(Caller caller, std::string traceparent, const std::string& peer);

  // Calls refused so far, for each reason.
  [[nodiscard]] std::int64_t unauthenticated() const { return unauthenticated_; }
  [[nodiscard]] std::int64_t denied() const { return denied_; }
  [[nodiscard]] std::int64_t limited() const { return limited_; }
  [[nodiscard]] std::int64_t refused_files() const {
    return authenticator_ == nullptr ? 0 : authenticator_->refused_files();
  }

 private:
  const std::unique_ptr<Authenticator> authenticator_;
  CallerLimits limits_;
  std::atomic<std::int64_t> unauthenticated_ = 0;
  std::atomic<std::int64_t> denied_ = 0;
  std::atomic<std::int64_t> limited_ = 0;
};

}  // namespace perennial::gateway
