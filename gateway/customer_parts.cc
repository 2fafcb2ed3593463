#include "gateway/customer_parts.h"

#include "common/server/grpc_status.h"

namespace perennial::gateway {

CustomerStubs::CustomerStubs(Backend& accounts_svc, Backend& health_svc, Backend& segment_svc)
    : accounts_backend(accounts_svc),
      health_backend(health_svc),
      segments_backend(segment_svc),
      accounts(accounts_svc.channel()),
      subscriptions(accounts_svc.channel()),
      facts(accounts_svc.channel()),
      goals(accounts_svc.channel()),
      tasks(accounts_svc.channel()),
      timeline(accounts_svc.channel()),
      scores(health_svc.channel()),
      flags(health_svc.channel()),
      values(health_svc.channel()),
      segments(segment_svc.channel()),
      engagements(segment_svc.channel()) {}

bool IsThere(absl::string_view field, const grpc::Status& status, v1::GetCustomer360Response& picture) {
  if (status.ok()) return true;
  v1::MissingPart* missing = picture.add_missing_parts();
  missing->set_part(std::string(field));
  *missing->mutable_status() = ToRpcStatus(FromGrpcStatus(status));
  return false;
}

}  // namespace perennial::gateway
