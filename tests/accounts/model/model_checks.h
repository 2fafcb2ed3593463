#pragma once

#include <memory>
#include <random>
#include <string>

#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/goal_service.grpc.pb.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"
#include "perennial/accounts/v1/lifecycle_service.grpc.pb.h"
#include "perennial/accounts/v1/record_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "perennial/accounts/v1/task_service.grpc.pb.h"
#include "perennial/accounts/v1/timeline_service.grpc.pb.h"
#include "tests/accounts/model/model_text.h"
#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {

struct ModelStubs {
  explicit ModelStubs(const std::shared_ptr<grpc::Channel>& channel)
      : accounts(v1::AccountService::NewStub(channel)),
        subscriptions(v1::SubscriptionService::NewStub(channel)),
        ingest(v1::IngestService::NewStub(channel)),
        facts(v1::FactService::NewStub(channel)),
        goals(v1::GoalService::NewStub(channel)),
        tasks(v1::TaskService::NewStub(channel)),
        timeline(v1::TimelineService::NewStub(channel)),
        records(v1::RecordService::NewStub(channel)),
        rates(v1::ExchangeRateService::NewStub(channel)),
        lifecycle(v1::LifecycleService::NewStub(channel)) {}
  std::unique_ptr<v1::AccountService::Stub> accounts;
  std::unique_ptr<v1::SubscriptionService::Stub> subscriptions;
  std::unique_ptr<v1::IngestService::Stub> ingest;
  std::unique_ptr<v1::FactService::Stub> facts;
  std::unique_ptr<v1::GoalService::Stub> goals;
  std::unique_ptr<v1::TaskService::Stub> tasks;
  std::unique_ptr<v1::TimelineService::Stub> timeline;
  std::unique_ptr<v1::RecordService::Stub> records;
  std::unique_ptr<v1::ExchangeRateService::Stub> rates;
  std::unique_ptr<v1::LifecycleService::Stub> lifecycle;
};

// Asks a server all that can be asked and compares its answers with the model's. Each check returns what differs, as text;
// nothing when nothing does.
class ModelChecks {
 public:
  // All must outlive this.
  ModelChecks(const PlainModel& model, ModelStubs& stubs, std::mt19937& random)
      : model_(model), stubs_(stubs), random_(random) {}

  // Facts of an account, of a moment or, without one, now.
  std::string Facts(const std::string& id, std::optional<absl::Time> as_of);
  // Facts of all accounts as of a moment.
  std::string Export(absl::Time as_of);
  // Lists of all accounts, and of those that a filter selects.
  std::string Accounts();
  // The task list of all accounts, and of one assignee.
  std::string Tasks();
  // All that an account has: subscriptions, movements, phases, timeline, contacts, goals.
  std::string Account(const std::string& id);

 private:
  [[nodiscard]] PlainAccount Begun(const PlainAccount& account) const;
  std::string Subscriptions(const std::string& id, const PlainAccount& account);
  std::string Movements(const std::string& id, const PlainAccount& account);
  std::string Phases(const std::string& id, const PlainAccount& account);
  // Time in each phase, at some moment of the past or now; and moves by hand, with those that were undone.
  std::string TimeInPhases(const std::string& id, const PlainAccount& account);
  std::string Moves(const std::string& id, const PlainAccount& account);
  std::string Timeline(const std::string& id, const PlainAccount& account);
  std::string Contacts(const std::string& id, const PlainAccount& account);
  std::string Goals(const std::string& id, const PlainAccount& account);
  // Pages of a list of random size, each answer given to `take`. The first error as text.
  template <class Stub, class Request, class Response, class Take>
  std::string Pages(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    Request request, Take take);

  const PlainModel& model_;
  ModelStubs& stubs_;
  std::mt19937& random_;
};

template <class Stub, class Request, class Response, class Take>
std::string ModelChecks::Pages(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                               Request request, Take take) {
  request.set_page_size(static_cast<int>(1 + random_() % 9));
  for (;;) {
    grpc::ClientContext context;
    SetDeadline(context);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return absl::StrCat(request.GetDescriptor()->name(), ": ", status.error_message(), "\n");
    take(response);
    if (response.next_page_token().empty()) return {};
    request.set_page_token(response.next_page_token());
  }
}

}  // namespace perennial::accounts::testing
