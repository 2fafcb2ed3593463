#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "gateway/backend.h"
#include "gateway/call_limit.h"
#include "gateway/customer_parts.h"
#include "gateway/gatekeeper.h"
#include "perennial/gateway/v1/customer_service.grpc.pb.h"

namespace perennial::gateway {

// Composes one picture of a customer from all services, asked in parallel. It holds no rule: a part is what its service
// says, or is named as missing.
class CustomerService final : public v1::CustomerService::CallbackService {
 public:
  // All must outlive the calls; `limit` does by itself.
  CustomerService(Backend& accounts, Backend& health, Backend& segments, Gatekeeper& gatekeeper, CallLimit& limit)
      : stubs_(accounts, health, segments), gatekeeper_(gatekeeper), limit_(limit) {}

  // Without a deadline, or with one later than kLongestCall, it takes at most five seconds. The services get a little
  // less than the caller, so that a part that hangs is reported as missing in time.
  grpc::ServerUnaryReactor* GetCustomer360(grpc::CallbackServerContext* context,
                                           const v1::GetCustomer360Request* request,
                                           v1::GetCustomer360Response* response) override;

  grpc::ServerUnaryReactor* BatchGetCustomer360(grpc::CallbackServerContext* context,
                                                const v1::BatchGetCustomer360Request* request,
                                                v1::BatchGetCustomer360Response* response) override;

 private:
  // Lets a call in at the door, or says why not; a place of `limit_` is taken then.
  absl::StatusOr<PartsCaller> Admit(grpc::CallbackServerContext& context, absl::string_view method,
                                    const BadRequest& bad);

  CustomerStubs stubs_;
  Gatekeeper& gatekeeper_;
  CallLimit& limit_;
};

}  // namespace perennial::gateway
