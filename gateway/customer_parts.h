#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "gateway/backend.h"
#include "gateway/forwarded_metadata.h"
#include "gateway/gatekeeper.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/goal_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "perennial/accounts/v1/task_service.grpc.pb.h"
#include "perennial/accounts/v1/timeline_service.grpc.pb.h"
#include "perennial/gateway/v1/customer_service.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "perennial/health/v1/value_service.grpc.pb.h"
#include "perennial/segments/v1/engagement_service.grpc.pb.h"
#include "perennial/segments/v1/segment_service.grpc.pb.h"

namespace perennial::gateway {

// How the services are asked. Made once, used by all calls.
struct CustomerStubs {
  CustomerStubs(Backend& accounts_svc, Backend& health_svc, Backend& segment_svc);

  Backend& accounts_backend;
  Backend& health_backend;
  Backend& segments_backend;
  accounts::v1::AccountService::Stub accounts;
  accounts::v1::SubscriptionService::Stub subscriptions;
  accounts::v1::FactService::Stub facts;
  accounts::v1::GoalService::Stub goals;
  accounts::v1::TaskService::Stub tasks;
  accounts::v1::TimelineService::Stub timeline;
  health::v1::HealthScoreService::Stub scores;
  health::v1::FlagService::Stub flags;
  health::v1::ValueService::Stub values;
  segments::v1::SegmentService::Stub segments;
  segments::v1::EngagementService::Stub engagements;
};

// On whose behalf the parts of a picture are asked for.
struct PartsCaller {
  // Lives until the caller's call is finished.
  grpc::CallbackServerContext& context;
  Admission admission;
  // Until when the services may answer; or until the caller cancels.
  std::chrono::system_clock::time_point deadline;
};

// Something that a service is asked for.
template <class Request, class Response>
struct Part {
  std::unique_ptr<grpc::ClientContext> context;
  Request request;
  Response response;
  grpc::Status status;
};

// Asks `backend` for `part`: `call(context, callback)` starts the call. `done` is called once the part has its response or a
// status for the caller; at once when the service is known not to answer. `part` and `backend` live until then.
template <class Request, class Response, class Call>
void AskFor(const PartsCaller& caller, Part<Request, Response>& part, Backend& backend, Call call,
            std::function<void()> done) {
  if (!backend.breaker().TryPass()) {
    part.status = backend.Unreachable();
    return done();
  }
  part.context = grpc::ClientContext::FromCallbackServerContext(caller.context);
  part.context->set_deadline(caller.deadline);
  ForwardRequestMetadata(caller.context, caller.admission, *part.context);
  const auto begun = std::chrono::steady_clock::now();
  call(part.context.get(), [&part, &backend, begun, done = std::move(done)](const grpc::Status& status) {
    backend.breaker().Report(Backend::OutcomeOf(status, std::chrono::steady_clock::now() - begun));
    part.status = backend.StatusForCaller(status);
    done();
  });
}

// Whether a part is there; if not, it is added to the missing ones of `picture` under the name of its field.
bool IsThere(absl::string_view field, const grpc::Status& status, v1::GetCustomer360Response& picture);

}  // namespace perennial::gateway
