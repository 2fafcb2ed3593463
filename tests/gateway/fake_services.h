#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "common/base/error_details.h"
#include "common/base/mutex.h"
#include "common/server/grpc_status.h"
#include "common/server/server.h"
#include "perennial/accounts/v1/account_service.grpc.pb.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/goal_service.grpc.pb.h"
#include "perennial/accounts/v1/ingest_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "perennial/accounts/v1/task_service.grpc.pb.h"
#include "perennial/accounts/v1/timeline_service.grpc.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "perennial/health/v1/value_service.grpc.pb.h"
#include "perennial/segments/v1/engagement_service.grpc.pb.h"
#include "perennial/segments/v1/segment_service.grpc.pb.h"
#include "tests/testing/process.h"

namespace perennial::gateway::testing {

// Waits until `condition` holds; false when it does not within a minute.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// A call that a fake service has seen. Fakes use gRPC's synchronous API: their handlers may wait.
class SeenCall {
 public:
  void Record(const grpc::ServerContext& context) {
    MutexLock lock(mu_);
    metadata_.clear();
    for (const auto& [key, value] : context.client_metadata()) {
      metadata_.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
    }
    time_left_ = context.deadline() - std::chrono::system_clock::now();
    ++count_;
  }
  std::multimap<std::string, std::string> metadata() const {
    MutexLock lock(mu_);
    return metadata_;
  }
  std::chrono::system_clock::duration time_left() const {
    MutexLock lock(mu_);
    return time_left_;
  }
  int count() const {
    MutexLock lock(mu_);
    return count_;
  }

 private:
  mutable Mutex mu_;
  std::multimap<std::string, std::string> metadata_;
  std::chrono::system_clock::duration time_left_{};
  int count_ = 0;
};

// Waits until the caller is gone and counts it.
inline grpc::Status HangUntilCancelled(const grpc::ServerContext& context, std::atomic<int>& cancelled) {
  if (!Eventually([&] { return context.IsCancelled(); })) return {grpc::StatusCode::INTERNAL, "was never cancelled"};
  ++cancelled;
  return grpc::Status::CANCELLED;
}

// Answers GetAccount with an account of the name asked for, which decides what else happens.
class FakeAccounts final : public accounts::v1::AccountService::Service {
 public:
  grpc::Status GetAccount(grpc::ServerContext* context, const accounts::v1::GetAccountRequest* request,
                          accounts::v1::GetAccountResponse* response) override {
    seen.Record(*context);
    if (failures-- > 0) return {grpc::StatusCode::UNAVAILABLE, "connection lost"};
    if (turned_away-- > 0) return {grpc::StatusCode::CANCELLED, "CANCELLED"};
    if (request->name() == "accounts/hangs") return HangUntilCancelled(*context, cancelled);
    if (request->name() == "accounts/waits") {
      // Until the test lets it go.
      if (!Eventually([&] { return released.load(); })) return {grpc::StatusCode::INTERNAL, "was never released"};
    }
    if (request->name() == "accounts/absent") {
      return ToGrpcStatus(WithReason(absl::NotFoundError("no such account: accounts/absent"), "ACCOUNT_NOT_FOUND"));
    }
    if (request->name() == "accounts/refused") {
      BadRequest bad;
      bad.Add("name", "is refused");
      return ToGrpcStatus(bad.ToStatus());
    }
    if (request->name() == "accounts/draining") {
      return ToGrpcStatus(WithReason(absl::UnavailableError("moving house"), "DRAINING"));
    }
    response->mutable_account()->set_name(request->name());
    if (request->name() == "accounts/huge") response->mutable_account()->set_display_name(std::string(12 << 20, 'x'));
    return grpc::Status::OK;
  }
  grpc::Status CreateAccount(grpc::ServerContext* context, const accounts::v1::CreateAccountRequest*,
                             accounts::v1::CreateAccountResponse*) override {
    seen.Record(*context);
    return failures-- > 0 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection lost") : grpc::Status::OK;
  }
  grpc::Status BatchGetAccounts(grpc::ServerContext* context, const accounts::v1::BatchGetAccountsRequest* request,
                                accounts::v1::BatchGetAccountsResponse* response) override {
    seen.Record(*context);
    for (const std::string& name : request->names()) {
      if (name == "accounts/absent") return {grpc::StatusCode::NOT_FOUND, "no such account: accounts/absent"};
      response->add_accounts()->set_name(name);
    }
    return grpc::Status::OK;
  }
  grpc::Status ListContacts(grpc::ServerContext*, const accounts::v1::ListContactsRequest* request,
                            accounts::v1::ListContactsResponse* response) override {
    response->add_contacts()->set_name(request->parent() + "/contacts/c1");
    return grpc::Status::OK;
  }

  SeenCall seen;
  std::atomic<int> cancelled = 0;
  std::atomic<bool> released = false;
  // As many calls more cannot be reached.
  std::atomic<int> failures = 0;
  // As many calls more end as gRPC ends those that come while a server shuts down.
  std::atomic<int> turned_away = 0;
};

class FakeGoals final : public accounts::v1::GoalService::Service {
 public:
  grpc::Status ListGoals(grpc::ServerContext*, const accounts::v1::ListGoalsRequest* request,
                         accounts::v1::ListGoalsResponse* response) override {
    response->add_goals()->set_name(request->parent() + "/goals/g1");
    return grpc::Status::OK;
  }
};

// Answers with a task in the state asked for.
class FakeTasks final : public accounts::v1::TaskService::Service {
 public:
  grpc::Status ListTasks(grpc::ServerContext*, const accounts::v1::ListTasksRequest* request,
                         accounts::v1::ListTasksResponse* response) override {
    if (fail) return {grpc::StatusCode::INTERNAL, "tasks are broken"};
    accounts::v1::Task* task = response->add_tasks();
    task->set_name(request->parent() + "/tasks/t1");
    task->set_state(request->state());
    return grpc::Status::OK;
  }
  std::atomic<bool> fail = false;
};

class FakeTimeline final : public accounts::v1::TimelineService::Service {
 public:
  grpc::Status ListTimeline(grpc::ServerContext*, const accounts::v1::ListTimelineRequest* request,
                            accounts::v1::ListTimelineResponse* response) override {
    page_size = request->page_size();
    response->add_entries()->set_summary("Call, inbound");
    return grpc::Status::OK;
  }
  std::atomic<int> page_size = 0;
};

class FakeSubscriptions final : public accounts::v1::SubscriptionService::Service {
 public:
  grpc::Status ListSubscriptions(grpc::ServerContext*, const accounts::v1::ListSubscriptionsRequest* request,
                                 accounts::v1::ListSubscriptionsResponse* response) override {
    page_size = request->page_size();
    response->add_subscriptions()->set_name(request->parent() + "/subscriptions/s1");
    return grpc::Status::OK;
  }
  std::atomic<int> page_size = 0;
};

// WatchFacts: `shard_count` messages are sent, numbered by progress_revision; then, with shard_index 0, the stream
// ends, with 1 it stays open, and with 2 it ends with OUT_OF_RANGE. `start_revision` bytes of padding go with each
// message.
class FakeFacts final : public accounts::v1::FactService::Service {
 public:
  grpc::Status GetFacts(grpc::ServerContext* context, const accounts::v1::GetFactsRequest* request,
                        accounts::v1::GetFactsResponse* response) override {
    if (hang_facts) return HangUntilCancelled(*context, cancelled);
    response->set_name(request->name());
    response->add_facts()->set_name("mrr");
    return grpc::Status::OK;
  }
  grpc::Status WatchFacts(grpc::ServerContext* context, const accounts::v1::WatchFactsRequest* request,
                          grpc::ServerWriter<accounts::v1::WatchFactsResponse>* writer) override {
    seen.Record(*context);
    accounts::v1::WatchFactsResponse message;
    message.add_definitions()->set_meaning(std::string(request->start_revision(), 'x'));
    for (int i = 1; i <= request->shard_count(); ++i) {
      message.set_progress_revision(i);
      if (!writer->Write(message)) break;
      written = i;
    }
    if (request->shard_index() == 2) return {grpc::StatusCode::OUT_OF_RANGE, "never given out"};
    if (request->shard_index() == 1) {
      if (request->shard_count() == 0) writer->SendInitialMetadata();
      return HangUntilCancelled(*context, cancelled);
    }
    return grpc::Status::OK;
  }

  SeenCall seen;
  std::atomic<int> written = 0;
  std::atomic<int> cancelled = 0;
  std::atomic<bool> hang_facts = false;
};

// StreamRecords acknowledges each batch; batch -1 ends the stream with an error at once.
class FakeIngest final : public accounts::v1::IngestService::Service {
 public:
  grpc::Status StreamRecords(grpc::ServerContext* context,
                             grpc::ServerReaderWriter<accounts::v1::StreamRecordsResponse,
                                                      accounts::v1::StreamRecordsRequest>* stream) override {
    accounts::v1::StreamRecordsRequest request;
    while (stream->Read(&request)) {
      if (request.batch_id() == -1) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "disk is full"};
      accounts::v1::StreamRecordsResponse response;
      response.set_batch_id(request.batch_id());
      stream->Write(response);
    }
    ++(context->IsCancelled() ? cancelled : completed);
    return grpc::Status::OK;
  }
  std::atomic<int> cancelled = 0;
  std::atomic<int> completed = 0;
};

class FakeScores final : public health::v1::HealthScoreService::Service {
 public:
  grpc::Status GetHealthScore(grpc::ServerContext*, const health::v1::GetHealthScoreRequest* request,
                              health::v1::GetHealthScoreResponse* response) override {
    if (request->name() == "accounts/unscored") return {grpc::StatusCode::NOT_FOUND, "not scored yet"};
    response->mutable_health_score()->set_name(request->name() + "/healthScore");
    return grpc::Status::OK;
  }
  grpc::Status BatchGetHealthScores(grpc::ServerContext*, const health::v1::BatchGetHealthScoresRequest* request,
                                    health::v1::BatchGetHealthScoresResponse* response) override {
    for (const std::string& name : request->names()) {
      if (name == "accounts/unscored") return {grpc::StatusCode::NOT_FOUND, "not scored yet"};
      response->add_health_scores()->set_name(name + "/healthScore");
    }
    return grpc::Status::OK;
  }
  grpc::Status ExplainHealthScore(grpc::ServerContext*, const health::v1::ExplainHealthScoreRequest* request,
                                  health::v1::ExplainHealthScoreResponse* response) override {
    response->mutable_explanation()->mutable_score()->set_name(request->name() + "/healthScore");
    return grpc::Status::OK;
  }
};

class FakeValues final : public health::v1::ValueService::Service {
 public:
  grpc::Status GetValue(grpc::ServerContext*, const health::v1::GetValueRequest* request,
                        health::v1::GetValueResponse* response) override {
    if (unknown) return {grpc::StatusCode::UNIMPLEMENTED, ""};
    response->mutable_value()->set_name(request->name());
    return grpc::Status::OK;
  }
  grpc::Status BatchGetValue(grpc::ServerContext*, const health::v1::BatchGetValueRequest* request,
                             health::v1::BatchGetValueResponse* response) override {
    if (unknown) return {grpc::StatusCode::UNIMPLEMENTED, ""};
    for (const std::string& name : request->names()) response->add_values()->set_name(name);
    return grpc::Status::OK;
  }
  // As a version from before there were values.
  std::atomic<bool> unknown = false;
};

class FakeFlags final : public health::v1::FlagService::Service {
 public:
  grpc::Status ListFlags(grpc::ServerContext*, const health::v1::ListFlagsRequest* request,
                         health::v1::ListFlagsResponse* response) override {
    response->add_flags()->set_name(request->parent() + "/flags/silent");
    return grpc::Status::OK;
  }
};

class FakeSegments final : public segments::v1::SegmentService::Service {
 public:
  grpc::Status ListAccountSegments(grpc::ServerContext*, const segments::v1::ListAccountSegmentsRequest* request,
                                   segments::v1::ListAccountSegmentsResponse* response) override {
    response->add_memberships()->set_account(request->account());
    return grpc::Status::OK;
  }
};

class FakeEngagements final : public segments::v1::EngagementService::Service {
 public:
  grpc::Status GetEngagement(grpc::ServerContext*, const segments::v1::GetEngagementRequest* request,
                             segments::v1::GetEngagementResponse* response) override {
    if (fail) return {grpc::StatusCode::UNAVAILABLE, "facts have not all arrived yet"};
    response->set_account(request->account());
    response->mutable_engagement_model()->set_name("engagementModels/pooled");
    return grpc::Status::OK;
  }
  std::atomic<bool> fail = false;
};

// A process behind the gateway; it can be stopped and started again on its port.
class FakeProcess {
 public:
  explicit FakeProcess(std::vector<grpc::Service*> services) : services_(std::move(services)) { Start(); }

  void Start() {
    ServerOptions options;
    options.port = port_;
    options.grace = std::chrono::milliseconds(0);
    auto server = Server::Start(options, services_, {});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    server_->SetReady(true);
  }
  void Stop() { server_ = nullptr; }
  Server& server() { return *server_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  const std::vector<grpc::Service*> services_;
  // One that no client can get while the server is away.
  const std::uint16_t port_ = static_cast<std::uint16_t>(perennial::testing::FreePort());
  std::unique_ptr<Server> server_;
};

}  // namespace perennial::gateway::testing
