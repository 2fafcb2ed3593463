#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"
#include "perennial/accounts/v1/goal_service.grpc.pb.h"
#include "perennial/accounts/v1/lifecycle_service.grpc.pb.h"
#include "perennial/accounts/v1/record_service.pb.h"
#include "perennial/accounts/v1/task_service.grpc.pb.h"

namespace perennial::cli {

// What became of a resource.
struct ResourceOutcome {
  enum class Kind { kStored, kReplaced, kDuplicate, kRefused };
  Kind kind = Kind::kStored;
  // Of a refused one: what the server said.
  grpc::Status refusal = {};
};

// Brings resources that come in rows to the methods that take them. What is there already is left as it is and counts as
// duplicate; only an exchange rate is replaced. Sends again while the server is out of reach or busy, which is safe for
// that reason. Used by one thread; it makes more of its own.
class ResourceSender {
 public:
  struct Options {
    // Calls under way at once, of kinds whose order is no matter.
    int most_calls = 16;
    absl::Duration call_timeout = absl::Seconds(20);
    // Gives up when a call had no answer for so long while trying again.
    absl::Duration give_up_after = absl::Seconds(30);
  };
  using Resource = std::shared_ptr<google::protobuf::Message>;

  // `interrupted` is asked on any thread; once it says yes, Send returns CANCELLED. It must outlive this.
  ResourceSender(const std::shared_ptr<grpc::Channel>& channel, Options options, std::function<bool()> interrupted);

  // Sends them and returns an outcome for each, in order. Errors: CANCELLED, or what trying again does not help.
  absl::StatusOr<std::vector<ResourceOutcome>> Send(const std::vector<Resource>& resources);

 private:
  absl::StatusOr<ResourceOutcome> SendOne(const google::protobuf::Message& resource);
  absl::StatusOr<ResourceOutcome> Send(const accounts::v1::ExchangeRate& rate);
  absl::StatusOr<ResourceOutcome> Send(const accounts::v1::LifecycleRules& rules);
  absl::StatusOr<ResourceOutcome> Send(const accounts::v1::PhaseMove& move);
  // A move that was taken back where it comes from.
  absl::StatusOr<ResourceOutcome> SendUndone(const accounts::v1::PhaseMove& move);
  absl::Status LoadRates();
  // Calls `method` until it has an answer.
  template <class Stub, class Request, class Response>
  absl::StatusOr<grpc::Status> Call(Stub& stub,
                                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                    const Request& request, Response* response);
  template <class Stub, class Request, class Response>
  absl::StatusOr<ResourceOutcome> Create(Stub& stub,
                                         grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                         const Request& request);

  const Options options_;
  const std::function<bool()> interrupted_;
  const std::unique_ptr<accounts::v1::AccountService::Stub> accounts_;
  const std::unique_ptr<accounts::v1::GoalService::Stub> goals_;
  const std::unique_ptr<accounts::v1::TaskService::Stub> tasks_;
  const std::unique_ptr<accounts::v1::ExchangeRateService::Stub> rates_;
  const std::unique_ptr<accounts::v1::LifecycleService::Stub> lifecycle_;
  // Those that were there before the first was sent, and since: rate by currency and time.
  bool rates_loaded_ = false;
  std::map<std::pair<std::string, absl::Time>, std::string> known_rates_;
};

}  // namespace perennial::cli
