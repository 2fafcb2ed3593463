#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "gateway/backend.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/goal_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "perennial/accounts/v1/task_service.grpc.pb.h"
#include "perennial/accounts/v1/timeline_service.grpc.pb.h"
#include "perennial/gateway/v1/customer_service.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
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
  segments::v1::SegmentService::Stub segments;
  segments::v1::EngagementService::Stub engagements;
};

// The parts of one GetCustomer360 on their way. Each part writes its own slot; whichever answers last composes the
// whole. Kept alive by the callbacks of its calls.
class CustomerPicture : public std::enable_shared_from_this<CustomerPicture> {
 public:
  // Called once, when every part has been answered; the last touch.
  using Done = std::function<void(const grpc::Status&)>;

  // `context` and `response` live until `done` is called, `stubs` longer. `name` is a valid account name. The services
  // answer until `deadline`, or the caller's cancellation.
  CustomerPicture(CustomerStubs& stubs, grpc::CallbackServerContext& context, std::string name,
                  std::chrono::system_clock::time_point deadline, v1::GetCustomer360Response& response, Done done);

  // Asks for all parts at once.
  void Ask();

 private:
  void AskForCare();
  template <class Request, class Response>
  struct Part {
    std::unique_ptr<grpc::ClientContext> context;
    Request request;
    Response response;
    grpc::Status status;
  };

  // `call` starts the call of `part` with a completion callback.
  template <class Request, class Response, class Call>
  void Start(Part<Request, Response>& part, const Backend& backend, Call call);
  void OnPart();
  void Compose();
  // Whether a part is there; if not, it is added to the missing ones.
  bool Has(absl::string_view field, const grpc::Status& status);

  CustomerStubs& stubs_;
  grpc::CallbackServerContext& caller_context_;
  const std::string name_;
  const std::chrono::system_clock::time_point deadline_;
  v1::GetCustomer360Response& response_;
  const Done done_;
  // Parts that have not been answered, and one for Ask() itself.
  std::atomic<int> pending_ = 1;

  Part<accounts::v1::GetAccountRequest, accounts::v1::GetAccountResponse> account_;
  Part<accounts::v1::ListSubscriptionsRequest, accounts::v1::ListSubscriptionsResponse> subscriptions_;
  Part<accounts::v1::GetFactsRequest, accounts::v1::GetFactsResponse> facts_;
  Part<health::v1::ExplainHealthScoreRequest, health::v1::ExplainHealthScoreResponse> health_;
  Part<health::v1::ListFlagsRequest, health::v1::ListFlagsResponse> flags_;
  Part<segments::v1::ListAccountSegmentsRequest, segments::v1::ListAccountSegmentsResponse> segments_;
  Part<segments::v1::GetEngagementRequest, segments::v1::GetEngagementResponse> engagement_;
  Part<accounts::v1::ListContactsRequest, accounts::v1::ListContactsResponse> contacts_;
  Part<accounts::v1::ListGoalsRequest, accounts::v1::ListGoalsResponse> goals_;
  Part<accounts::v1::ListTasksRequest, accounts::v1::ListTasksResponse> tasks_;
  Part<accounts::v1::ListTimelineRequest, accounts::v1::ListTimelineResponse> timeline_;
};

}  // namespace perennial::gateway
