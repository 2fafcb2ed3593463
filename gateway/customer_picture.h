#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "gateway/customer_parts.h"

namespace perennial::gateway {

// The parts of one GetCustomer360 on their way. Each part writes its own slot; whichever answers last composes the
// whole. Kept alive by the callbacks of its calls.
class CustomerPicture : public std::enable_shared_from_this<CustomerPicture> {
 public:
  // Called once, when every part has been answered; the last touch.
  using Done = std::function<void(const grpc::Status&)>;

  // `response` lives until `done` is called, `stubs` longer. `name` is a valid account name.
  CustomerPicture(CustomerStubs& stubs, PartsCaller caller, std::string name, v1::GetCustomer360Response& response,
                  Done done);

  // Asks for all parts at once.
  void Ask();

 private:
  void AskForCare();
  // `call` starts the call of `part` with a completion callback.
  template <class Request, class Response, class Call>
  void Start(Part<Request, Response>& part, Backend& backend, Call call);
  void OnPart();
  void Compose();

  CustomerStubs& stubs_;
  const PartsCaller caller_;
  const std::string name_;
  v1::GetCustomer360Response& response_;
  const Done done_;
  // Parts that have not been answered, and one for Ask() itself.
  std::atomic<int> pending_ = 1;

  Part<accounts::v1::GetAccountRequest, accounts::v1::GetAccountResponse> account_;
  Part<accounts::v1::ListSubscriptionsRequest, accounts::v1::ListSubscriptionsResponse> subscriptions_;
  Part<accounts::v1::GetFactsRequest, accounts::v1::GetFactsResponse> facts_;
  Part<health::v1::ExplainHealthScoreRequest, health::v1::ExplainHealthScoreResponse> health_;
  Part<health::v1::ListFlagsRequest, health::v1::ListFlagsResponse> flags_;
  Part<health::v1::GetValueRequest, health::v1::GetValueResponse> value_;
  Part<segments::v1::ListAccountSegmentsRequest, segments::v1::ListAccountSegmentsResponse> segments_;
  Part<segments::v1::GetEngagementRequest, segments::v1::GetEngagementResponse> engagement_;
  Part<accounts::v1::ListContactsRequest, accounts::v1::ListContactsResponse> contacts_;
  Part<accounts::v1::ListGoalsRequest, accounts::v1::ListGoalsResponse> goals_;
  Part<accounts::v1::ListTasksRequest, accounts::v1::ListTasksResponse> tasks_;
  Part<accounts::v1::ListTimelineRequest, accounts::v1::ListTimelineResponse> timeline_;
};

}  // namespace perennial::gateway
