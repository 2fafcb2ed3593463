#include "gateway/gatekeeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/error_details.h"

namespace perennial::gateway {
namespace {

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<Caller> Gatekeeper::Identify(const std::vector<absl::string_view>& authorization) {
  if (authenticator_ == nullptr) return Caller{.name = "", .role = Role::kOperator};
  auto caller = authenticator_->Authenticate(authorization, absl::Now());
  if (!caller.ok()) ++unauthenticated_;
  return caller;
}

absl::StatusOr<Caller> Gatekeeper::Identify(const grpc::ServerContextBase& context) {
  if (authenticator_ == nullptr) return Caller{.name = "", .role = Role::kOperator};
  std::vector<absl::string_view> authorization;
  const auto [begin, end] = context.client_metadata().equal_range("authorization");
  for (auto header = begin; header != end; ++header) authorization.push_back(View(header->second));
  return Identify(authorization);
}

absl::Status Gatekeeper::Authorize(const Caller& caller, const MethodPolicy& policy) {
  if (caller.role >= policy.role) return absl::OkStatus();
  ++denied_;
  return WithReason(absl::PermissionDeniedError(absl::StrCat("this method takes the role ", NameOf(policy.role))),
                    "ROLE_REQUIRED");
}

absl::StatusOr<Admission> Gatekeeper::Admit(Caller caller, std::string traceparent, const std::string& peer) {
  auto ticket = limits_.Admit(caller.name.empty() ? absl::StrCat("@", peer) : caller.name);
  if (!ticket.ok()) {
    ++limited_;
    return ticket.status();
  }
  return Admission{.caller = std::move(caller), .traceparent = std::move(traceparent), .ticket = *std::move(ticket)};
}

}  // namespace perennial::gateway
