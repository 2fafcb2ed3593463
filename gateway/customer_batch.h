#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "gateway/customer_parts.h"

namespace perennial::gateway {

// The parts of one BatchGetCustomer360 on their way. First the accounts, all or none; then what is known of them, a bounded number
// of calls at a time so that one list does not fill the queues of the services. Kept alive by the callbacks of its calls.
class CustomerBatch : public std::enable_shared_from_this<CustomerBatch> {
 public:
  // Called once, when every part has been answered; the last touch.
  using Done = std::function<void(const grpc::Status&)>;

  // `stubs` and `response` live until `done` is called. `names` are valid, and each is there once.
  CustomerBatch(CustomerStubs& stubs, PartsCaller caller, std::vector<std::string> names,
                v1::BatchGetCustomer360Response& response, Done done);

  void Ask();

 private:
  // Starts a call, and calls what it is given when that is over.
  using Job = std::function<void(std::function<void()>)>;

  struct Customer {
    std::string name;
    Part<accounts::v1::GetFactsRequest, accounts::v1::GetFactsResponse> facts;
    Part<health::v1::GetHealthScoreRequest, health::v1::GetHealthScoreResponse> score;
    Part<health::v1::GetValueRequest, health::v1::GetValueResponse> value;
    Part<health::v1::ListFlagsRequest, health::v1::ListFlagsResponse> flags;
    Part<segments::v1::ListAccountSegmentsRequest, segments::v1::ListAccountSegmentsResponse> segments;
    Part<segments::v1::GetEngagementRequest, segments::v1::GetEngagementResponse> engagement;
  };

  void OnAccounts();
  // Turns `status` into an error when a service has not answered for each customer.
  void CheckSize(int size, grpc::Status& status) const;
  void AskForScores(const std::function<void()>& over);
  void AskForValues(const std::function<void()>& over);
  void AddJobsOf(Customer& customer);
  void Add(Job job);
  // Starts as many jobs as may be under way; when none is left, composes.
  void Run();
  void Compose();

  CustomerStubs& stubs_;
  const PartsCaller caller_;
  v1::BatchGetCustomer360Response& response_;
  const Done done_;
  std::vector<std::unique_ptr<Customer>> customers_;
  Part<accounts::v1::BatchGetAccountsRequest, accounts::v1::BatchGetAccountsResponse> accounts_;
  Part<health::v1::BatchGetHealthScoresRequest, health::v1::BatchGetHealthScoresResponse> scores_;
  Part<health::v1::BatchGetValueRequest, health::v1::BatchGetValueResponse> values_;

  Mutex mu_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mu_);
  int running_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace perennial::gateway
