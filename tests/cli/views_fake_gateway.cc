#include "tests/cli/views_fake_gateway.h"

#include <chrono>
#include <cstdint>

#include "absl/strings/numbers.h"

namespace perennial::cli::testing {
namespace {

using grpc::ServerContext;
using grpc::Status;

// What a method returns before it answers.
Status Before(const FakeGateway& fake, ServerContext* context) {
  if (fake.hang) {
    Mutex mutex;
    std::condition_variable never;
    MutexLock lock(mutex);
    while (!context->IsCancelled()) lock.WaitFor(never, std::chrono::milliseconds(10));
  }
  return fake.failure;
}

class Accounts final : public perennial::accounts::v1::AccountService::Service {
 public:
  explicit Accounts(const FakeGateway& fake) : fake_(fake) {}
  Status ListAccounts(ServerContext* context, const perennial::accounts::v1::ListAccountsRequest* request,
                      perennial::accounts::v1::ListAccountsResponse* response) override {
    const auto found = fake_.accounts_by_filter.find(request->filter());
    if (found != fake_.accounts_by_filter.end())
      response->mutable_accounts()->Add(found->second.begin(), found->second.end());
    return Before(fake_, context);
  }
  Status BatchGetAccounts(ServerContext* context, const perennial::accounts::v1::BatchGetAccountsRequest* request,
                          perennial::accounts::v1::BatchGetAccountsResponse* response) override {
    for (const std::string& name : request->names()) {
      for (const auto& account : fake_.accounts) {
        if (account.name() == name) *response->add_accounts() = account;
      }
    }
    if (response->accounts_size() != request->names_size()) return {grpc::StatusCode::NOT_FOUND, "some are absent"};
    return Before(fake_, context);
  }

 private:
  const FakeGateway& fake_;
};

class Facts final : public perennial::accounts::v1::FactService::Service {
 public:
  explicit Facts(const FakeGateway& fake) : fake_(fake) {}
  Status GetFacts(ServerContext* context, const perennial::accounts::v1::GetFactsRequest* request,
                  perennial::accounts::v1::GetFactsResponse* response) override {
    *response = fake_.facts;
    if (request->has_as_of()) *response->mutable_as_of() = request->as_of();
    return Before(fake_, context);
  }
  Status ListFactDefinitions(ServerContext* context,
                             const perennial::accounts::v1::ListFactDefinitionsRequest* /*request*/,
                             perennial::accounts::v1::ListFactDefinitionsResponse* /*response*/) override {
    return Before(fake_, context);
  }
  Status ValidateFilter(ServerContext* context, const perennial::accounts::v1::ValidateFilterRequest* /*request*/,
                        perennial::accounts::v1::ValidateFilterResponse* response) override {
    *response = fake_.validation;
    return Before(fake_, context);
  }

 private:
  const FakeGateway& fake_;
};

class Customers final : public perennial::gateway::v1::CustomerService::Service {
 public:
  explicit Customers(const FakeGateway& fake) : fake_(fake) {}
  Status GetCustomer360(ServerContext* context, const perennial::gateway::v1::GetCustomer360Request* request,
                        perennial::gateway::v1::GetCustomer360Response* response) override {
    if (const Status status = Before(fake_, context); !status.ok()) return status;
    const auto found = fake_.customers.find(request->name());
    if (found == fake_.customers.end()) return {grpc::StatusCode::NOT_FOUND, request->name() + " does not exist"};
    *response = found->second;
    return Status::OK;
  }

 private:
  const FakeGateway& fake_;
};

class Flags final : public perennial::health::v1::FlagService::Service {
 public:
  explicit Flags(const FakeGateway& fake) : fake_(fake) {}
  Status ListFlags(ServerContext* context, const perennial::health::v1::ListFlagsRequest* request,
                   perennial::health::v1::ListFlagsResponse* response) override {
    const std::size_t begin = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    const std::size_t page = std::min<std::size_t>(2, static_cast<std::size_t>(request->page_size()));
    const std::size_t end = std::min(begin + page, fake_.flags.size());
    for (std::size_t i = begin; i < end; ++i) *response->add_flags() = fake_.flags[i];
    if (end < fake_.flags.size()) response->set_next_page_token(std::to_string(end));
    response->set_total_size(static_cast<std::int64_t>(fake_.flags.size()));
    return Before(fake_, context);
  }
  Status ListFlagRules(ServerContext* context, const perennial::health::v1::ListFlagRulesRequest* /*request*/,
                       perennial::health::v1::ListFlagRulesResponse* response) override {
    *response = fake_.rules;
    return Before(fake_, context);
  }

 private:
  const FakeGateway& fake_;
};

class Scores final : public perennial::health::v1::HealthScoreService::Service {
 public:
  explicit Scores(FakeGateway& fake) : fake_(fake) {}
  Status ExplainHealthScore(ServerContext* context, const perennial::health::v1::ExplainHealthScoreRequest* request,
                            perennial::health::v1::ExplainHealthScoreResponse* response) override {
    const auto found = fake_.explanations.find(request->name());
    if (found == fake_.explanations.end()) return {grpc::StatusCode::UNAVAILABLE, "health-svc is starting"};
    *response->mutable_explanation() = found->second;
    return Before(fake_, context);
  }
  Status ListHealthScoreHistory(ServerContext* context,
                                const perennial::health::v1::ListHealthScoreHistoryRequest* /*request*/,
                                perennial::health::v1::ListHealthScoreHistoryResponse* /*response*/) override {
    return Before(fake_, context);
  }
  Status WatchHealthScores(ServerContext* context, const perennial::health::v1::WatchHealthScoresRequest* request,
                           grpc::ServerWriter<perennial::health::v1::WatchHealthScoresResponse>* writer) override {
    std::int64_t start = 0;
    (void)absl::SimpleAtoi(request->start_token(), &start);
    return fake_.scores.Serve(context, start, writer);
  }

 private:
  FakeGateway& fake_;
};

class Portfolio final : public perennial::segments::v1::PortfolioService::Service {
 public:
  explicit Portfolio(FakeGateway& fake) : fake_(fake) {}
  Status GetPortfolioReport(ServerContext* context, const perennial::segments::v1::GetPortfolioReportRequest* request,
                            perennial::segments::v1::GetPortfolioReportResponse* response) override {
    fake_.report_request = *request;
    *response = fake_.report;
    return Before(fake_, context);
  }

 private:
  FakeGateway& fake_;
};

class Segments final : public perennial::segments::v1::SegmentService::Service {
 public:
  explicit Segments(FakeGateway& fake) : fake_(fake) {}
  Status ListSegments(ServerContext* context, const perennial::segments::v1::ListSegmentsRequest* /*request*/,
                      perennial::segments::v1::ListSegmentsResponse* response) override {
    *response = fake_.segments;
    return Before(fake_, context);
  }
  Status WatchMembership(ServerContext* context, const perennial::segments::v1::WatchMembershipRequest* request,
                         grpc::ServerWriter<perennial::segments::v1::WatchMembershipResponse>* writer) override {
    return fake_.memberships.Serve(context, request->start_revision(), writer);
  }

 private:
  FakeGateway& fake_;
};

}  // namespace

struct FakeGateway::Services {
  explicit Services(FakeGateway& fake)
      : accounts(fake), facts(fake), customers(fake), flags(fake), scores(fake), portfolio(fake), segments(fake) {}
  Accounts accounts;
  Facts facts;
  Customers customers;
  Flags flags;
  Scores scores;
  Portfolio portfolio;
  Segments segments;
};

FakeGateway::FakeGateway() : services_(std::make_unique<Services>(*this)) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  for (grpc::Service* service : std::initializer_list<grpc::Service*>{
           &services_->accounts, &services_->facts, &services_->customers, &services_->flags, &services_->scores,
           &services_->portfolio, &services_->segments}) {
    builder.RegisterService(service);
  }
  server_ = builder.BuildAndStart();
  address_ = "127.0.0.1:" + std::to_string(port);
}

FakeGateway::~FakeGateway() { server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1)); }

}  // namespace perennial::cli::testing
