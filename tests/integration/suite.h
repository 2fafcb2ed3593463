#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "perennial/gateway/v1/customer_service.grpc.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "perennial/segments/v1/portfolio_service.grpc.pb.h"
#include "perennial/segments/v1/segment_service.grpc.pb.h"
#include "tests/testing/process.h"

namespace perennial::testing {

enum class Part { kRedis, kAccounts, kHealth, kSegments, kGateway };
constexpr Part kServices[] = {Part::kAccounts, Part::kHealth, Part::kSegments, Part::kGateway};
std::string NameOf(Part part);

// The real processes, on free ports, with data in a folder of their own: what ./run starts.
class Suite {
 public:
  // Further flags of a part; they win over those that it has anyhow.
  using Flags = std::map<Part, std::vector<std::string>>;
  // Starts all; `now` (RFC 3339) fixes their clock, empty takes the machine's.
  explicit Suite(std::string now = "", Flags more = {});
  ~Suite();

  // Ends a process as a power cut would, and starts it again on the same port with the same data.
  void Kill(Part part);
  void Start(Part part);
  void Restart(Part part) {
    Kill(part);
    Start(part);
  }
  // Ends a process with SIGTERM; its exit code.
  int Terminate(Part part);
  // Waits until all processes say that they are ready; false after `longest`.
  bool WaitReady(std::chrono::seconds longest = std::chrono::seconds(60));

  // "localhost:port" of the gateway.
  [[nodiscard]] std::string address() const;
  [[nodiscard]] int port(Part part) const { return ports_[static_cast<std::size_t>(part)]; }
  // Where the gateway serves HTTP. Waits until it does.
  [[nodiscard]] int http_port() const;
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] Process& process(Part part) { return *processes_[static_cast<std::size_t>(part)]; }
  // A fresh channel to the gateway.
  [[nodiscard]] std::shared_ptr<grpc::Channel> Channel() const { return Channel(Part::kGateway); }
  // A fresh channel to one of the services.
  [[nodiscard]] std::shared_ptr<grpc::Channel> Channel(Part part) const;
  // Runs the CLI against the gateway.
  [[nodiscard]] Finished Cli(std::vector<std::string> arguments) const;
  // Ends of the logs, for failed tests.
  [[nodiscard]] std::string Logs() const;

 private:
  [[nodiscard]] std::vector<std::string> Command(Part part) const;

  const std::string now_;
  const Flags more_;
  const TemporaryFolder folder_;
  int ports_[5];
  std::unique_ptr<Process> processes_[5];
};

// Stubs of all services through one channel, and a deadline for each call.
struct Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : accounts(perennial::accounts::v1::AccountService::NewStub(channel)),
        subscriptions(perennial::accounts::v1::SubscriptionService::NewStub(channel)),
        ingest(perennial::accounts::v1::IngestService::NewStub(channel)),
        facts(perennial::accounts::v1::FactService::NewStub(channel)),
        scores(perennial::health::v1::HealthScoreService::NewStub(channel)),
        flags(perennial::health::v1::FlagService::NewStub(channel)),
        segments(perennial::segments::v1::SegmentService::NewStub(channel)),
        portfolio(perennial::segments::v1::PortfolioService::NewStub(channel)),
        customers(perennial::gateway::v1::CustomerService::NewStub(channel)) {}
  std::unique_ptr<perennial::accounts::v1::AccountService::Stub> accounts;
  std::unique_ptr<perennial::accounts::v1::SubscriptionService::Stub> subscriptions;
  std::unique_ptr<perennial::accounts::v1::IngestService::Stub> ingest;
  std::unique_ptr<perennial::accounts::v1::FactService::Stub> facts;
  std::unique_ptr<perennial::health::v1::HealthScoreService::Stub> scores;
  std::unique_ptr<perennial::health::v1::FlagService::Stub> flags;
  std::unique_ptr<perennial::segments::v1::SegmentService::Stub> segments;
  std::unique_ptr<perennial::segments::v1::PortfolioService::Stub> portfolio;
  std::unique_ptr<perennial::gateway::v1::CustomerService::Stub> customers;
};

// Calls a unary method within a minute, again and again while the service cannot be reached: what the documented retry policy
// asks of clients.
template <class Stub, class Request, class Response>
grpc::Status Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response* response) {
  const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(60);
  for (;;) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    const grpc::Status status = (stub.*method)(&context, request, response);
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || std::chrono::system_clock::now() > deadline) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// Folder of the data made by others, or empty when it is not on this machine.
std::string SharedData();

}  // namespace perennial::testing
