#pragma once

#include <grpcpp/grpcpp.h>

#include "gateway/backend.h"
#include "gateway/call_limit.h"
#include "gateway/customer_picture.h"
#include "perennial/gateway/v1/customer_service.grpc.pb.h"

namespace perennial::gateway {

// Composes one picture of a customer from all services, asked in parallel. It holds no rule: a part is what its service
// says, or is named as missing.
class CustomerService final : public v1::CustomerService::CallbackService {
 public:
  // All must outlive the calls; `limit` does by itself.
  CustomerService(Backend& accounts, Backend& health, Backend& segments, CallLimit& limit)
      : stubs_(accounts, health, segments), limit_(limit) {}

  // Without a deadline, or with one later than kLongestCall, it takes at most five seconds. The services get a little
  // less than the caller, so that a part that hangs is reported as missing in time.
  grpc::ServerUnaryReactor* GetCustomer360(grpc::CallbackServerContext* context,
                                           const v1::GetCustomer360Request* request,
                                           v1::GetCustomer360Response* response) override;

 private:
  CustomerStubs stubs_;
  CallLimit& limit_;
};

}  // namespace perennial::gateway
