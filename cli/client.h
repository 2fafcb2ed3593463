#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/global_options.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/lifecycle_service.grpc.pb.h"
#include "perennial/gateway/v1/customer_service.grpc.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "perennial/segments/v1/portfolio_service.grpc.pb.h"
#include "perennial/segments/v1/segment_service.grpc.pb.h"

namespace perennial::cli {

// The way to the gateway: one channel, a stub for each service, a deadline on every call, and errors as sentences.
// Thread-safe.
class Client {
 public:
  // Opens no connection yet. Uses `gateway` and `timeout` of the options.
  explicit Client(const GlobalOptions& options);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Calls a unary method and waits for the answer, at most for the timeout. `what` completes "cannot <what>: ...", and
  // the error's message is that whole sentence; its code is the server's.
  //
  //   PERENNIAL_ASSIGN_OR_RETURN(auto response, client.Call(client.facts, &FactService::Stub::GetFacts, request,
  //                                                         "read the facts"));
  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> Call(const std::unique_ptr<Stub>& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, absl::string_view what) const {
    grpc::ClientContext context;
    SetDeadline(&context);
    Response response;
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (!status.ok()) return Explain(status, what);
    return response;
  }

  // Gives a call the timeout of the options.
  void SetDeadline(grpc::ClientContext* context) const;

  // `status`, which is not OK, as one line: "cannot <what>: <why>; <what to do>". A gateway that can't be reached, a
  // service behind it that can't, and a deadline that passed are told apart; bad fields are named.
  [[nodiscard]] absl::Status Explain(const grpc::Status& status, absl::string_view what) const;

  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // The address, with its port.
  [[nodiscard]] const std::string& gateway() const { return gateway_; }

 private:
  const std::string gateway_;
  const absl::Duration timeout_;
  const std::shared_ptr<grpc::Channel> channel_;

 public:
  const std::unique_ptr<perennial::accounts::v1::AccountService::Stub> accounts;
  const std::unique_ptr<perennial::accounts::v1::ExchangeRateService::Stub> rates;
  const std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts;
  const std::unique_ptr<perennial::accounts::v1::LifecycleService::Stub> lifecycle;
  const std::unique_ptr<perennial::gateway::v1::CustomerService::Stub> customers;
  const std::unique_ptr<perennial::health::v1::FlagService::Stub> flags;
  const std::unique_ptr<perennial::health::v1::HealthScoreService::Stub> scores;
  const std::unique_ptr<perennial::segments::v1::PortfolioService::Stub> portfolio;
  const std::unique_ptr<perennial::segments::v1::SegmentService::Stub> segments;
};

// "host:port" of what the user typed: the port of the gateway is added where there is none.
std::string AddressOf(absl::string_view gateway);

// Prints "perennial: <message>" on one line of `options.err` and returns kExitFailure.
int Fail(const GlobalOptions& options, const absl::Status& status);

}  // namespace perennial::cli
