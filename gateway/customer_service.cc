#include "gateway/customer_service.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"

namespace perennial::gateway {
namespace {

using std::chrono::system_clock;

constexpr std::chrono::seconds kDefaultTimeout{5};
constexpr std::chrono::milliseconds kMargin{100};

// Until when the services may answer.
system_clock::time_point DeadlineOfParts(const grpc::CallbackServerContext& context) {
  const system_clock::time_point now = system_clock::now();
  system_clock::time_point deadline = context.deadline();
  if (deadline > now + kLongestCall) deadline = now + kDefaultTimeout;
  return deadline - std::min<system_clock::duration>(kMargin, (deadline - now) / 10);
}

}  // namespace

grpc::ServerUnaryReactor* CustomerService::GetCustomer360(grpc::CallbackServerContext* context,
                                                          const v1::GetCustomer360Request* request,
                                                          v1::GetCustomer360Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  BadRequest bad;
  bad.AddIfError("name", IdOf(request->name(), "accounts").status());
  if (!bad.empty()) {
    reactor->Finish(ToGrpcStatus(bad.ToStatus()));
    return reactor;
  }
  if (!limit_.TryAdmit()) {
    reactor->Finish(ToGrpcStatus(BusyStatus()));
    return reactor;
  }
  const auto done = [reactor](const grpc::Status& status) { reactor->Finish(status); };
  const std::shared_ptr<CustomerPicture> picture(
      new CustomerPicture(stubs_, *context, request->name(), DeadlineOfParts(*context), *response, done),
      [this](CustomerPicture* over) {
        delete over;
        limit_.Release();
      });
  picture->Ask();
  return reactor;
}

}  // namespace perennial::gateway
