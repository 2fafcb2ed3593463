#include "gateway/customer_service.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "gateway/customer_batch.h"
#include "gateway/customer_picture.h"

namespace perennial::gateway {
namespace {

using std::chrono::system_clock;

constexpr std::chrono::seconds kDefaultTimeout{5};
constexpr std::chrono::milliseconds kMargin{100};
constexpr int kMostNames = 100;

// Until when the services may answer.
system_clock::time_point DeadlineOfParts(const grpc::CallbackServerContext& context) {
  const system_clock::time_point now = system_clock::now();
  system_clock::time_point deadline = context.deadline();
  if (deadline > now + kLongestCall) deadline = now + kDefaultTimeout;
  return deadline - std::min<system_clock::duration>(kMargin, (deadline - now) / 10);
}

BadRequest CheckNames(const v1::BatchGetCustomer360Request& request) {
  BadRequest bad;
  if (request.names().empty() || request.names_size() > kMostNames) {
    bad.Add("names", absl::StrCat("must be 1 to ", kMostNames));
    return bad;
  }
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < request.names_size(); ++i) {
    const std::string field = absl::StrCat("names[", i, "]");
    const absl::Status status = IdOf(request.names(i), "accounts").status();
    bad.AddIfError(field, status);
    if (status.ok() && !seen.insert(request.names(i)).second) bad.Add(field, "is there twice");
  }
  return bad;
}

}  // namespace

absl::StatusOr<PartsCaller> CustomerService::Admit(grpc::CallbackServerContext& context, absl::string_view method,
                                                   const BadRequest& bad) {
  const MethodPolicy policy = PolicyOf(v1::CustomerService::service_full_name(), method);
  PERENNIAL_ASSIGN_OR_RETURN(Caller caller, gatekeeper_.Identify(context));
  PERENNIAL_RETURN_IF_ERROR(gatekeeper_.Authorize(caller, policy));
  PERENNIAL_ASSIGN_OR_RETURN(Admission admission, gatekeeper_.Admit(std::move(caller), TraceparentOf(context), PeerOf(context)));
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  if (!limit_.TryAdmit(policy.priority)) return BusyStatus();
  return PartsCaller{.context = context, .admission = std::move(admission), .deadline = DeadlineOfParts(context)};
}

grpc::ServerUnaryReactor* CustomerService::GetCustomer360(grpc::CallbackServerContext* context,
                                                          const v1::GetCustomer360Request* request,
                                                          v1::GetCustomer360Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  BadRequest bad;
  bad.AddIfError("name", IdOf(request->name(), "accounts").status());
  auto caller = Admit(*context, "GetCustomer360", bad);
  if (!caller.ok()) {
    reactor->Finish(ToGrpcStatus(caller.status()));
    return reactor;
  }
  const std::shared_ptr<CustomerPicture> picture(
      new CustomerPicture(stubs_, *std::move(caller), request->name(), *response,
                          [reactor](const grpc::Status& status) { reactor->Finish(status); }),
      [this](CustomerPicture* over) {
        delete over;
        limit_.Release();
      });
  picture->Ask();
  return reactor;
}

grpc::ServerUnaryReactor* CustomerService::BatchGetCustomer360(grpc::CallbackServerContext* context,
                                                               const v1::BatchGetCustomer360Request* request,
                                                               v1::BatchGetCustomer360Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto caller = Admit(*context, "BatchGetCustomer360", CheckNames(*request));
  if (!caller.ok()) {
    reactor->Finish(ToGrpcStatus(caller.status()));
    return reactor;
  }
  const std::shared_ptr<CustomerBatch> batch(
      new CustomerBatch(stubs_, *std::move(caller), {request->names().begin(), request->names().end()}, *response,
                        [reactor](const grpc::Status& status) { reactor->Finish(status); }),
      [this](CustomerBatch* over) {
        delete over;
        limit_.Release();
      });
  batch->Ask();
  return reactor;
}

}  // namespace perennial::gateway
