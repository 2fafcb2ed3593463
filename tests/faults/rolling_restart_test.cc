// Two gateways and two health-svc are restarted one after another under load: a client with the documented retry policy sees no failed
// call.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/faults/facts_watcher.h"
#include "tests/faults/matrix.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr int kAccounts = 50;
constexpr int kClients = 3;

// What docs/clients.md tells clients to do.
constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.05s", "maxBackoff": "1s", "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"]}
  }],
  "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
})";

// Calls without a pause, and remembers what failed.
class Client {
 public:
  Client(const std::string& target, int number) : number_(number), stubs_(Channel(target)), thread_([this] { Loop(); }) {}
  ~Client() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] int calls() const { return calls_; }
  [[nodiscard]] std::vector<std::string> failures() const {
    MutexLock lock(mu_);
    return failures_;
  }

  static std::shared_ptr<grpc::Channel> Channel(const std::string& target) {
    grpc::ChannelArguments arguments;
    arguments.SetServiceConfigJSON(kServiceConfig);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  }

 private:
  template <class Make>
  void Try(const char* what, const Make& make) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const grpc::Status status = make(&context);
    ++calls_;
    if (status.ok()) return;
    MutexLock lock(mu_);
    failures_.push_back(absl::StrCat(what, ": ", static_cast<int>(status.error_code()), " ", status.error_message()));
  }
  void Loop() {
    for (int i = 0; !stop_; ++i) {
      const std::string account = absl::StrCat("accounts/a", i % kAccounts);
      Try("GetHealthScore", [&](grpc::ClientContext* context) {
        health::v1::GetHealthScoreRequest request;
        request.set_name(account + "/healthScore");
        health::v1::GetHealthScoreResponse response;
        return stubs_.scores->GetHealthScore(context, request, &response);
      });
      Try("GetAccount", [&](grpc::ClientContext* context) {
        v1::GetAccountRequest request;
        request.set_name(account);
        v1::GetAccountResponse response;
        return stubs_.accounts->GetAccount(context, request, &response);
      });
      if (i % 5 != 0) continue;
      Try("UpdateAccount", [&](grpc::ClientContext* context) {
        v1::UpdateAccountRequest request;
        request.mutable_account()->set_name(account);
        request.mutable_account()->set_display_name(absl::StrCat("Client ", number_, " ", i));
        request.mutable_update_mask()->add_paths("display_name");
        request.set_request_id(absl::StrCat("client-", number_, "-", i));
        v1::UpdateAccountResponse response;
        return stubs_.accounts->UpdateAccount(context, request, &response);
      });
    }
  }

  const int number_;
  const Stubs stubs_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> calls_ = 0;
  mutable Mutex mu_;
  std::vector<std::string> failures_;
  std::thread thread_;
};

class RollingRestart : public MatrixTest {
 protected:
  enum Place { kAccountsSvc, kHealth0, kHealth1, kGateway0, kGateway1, kPlaces };

  void SetUp() override {
    Row("F3");
    for (int place = 0; place < kPlaces; ++place) {
      ports_[place] = FreePort();
      pages_[place] = FreePort();
    }
    for (int place = 0; place < kPlaces; ++place) Start(static_cast<Place>(place));
    for (int place = 0; place < kPlaces; ++place) {
      ASSERT_TRUE(Until([&] { return IsReady(static_cast<Place>(place)); })) << place;
    }
    const Stubs stubs(Client::Channel(gateways()));
    for (int i = 0; i < kAccounts; ++i) {
      v1::CreateAccountRequest request;
      request.set_account_id(absl::StrCat("a", i));
      request.mutable_account()->set_display_name("Account");
      v1::CreateAccountResponse response;
      const grpc::Status status = Call(*stubs.accounts, &v1::AccountService::Stub::CreateAccount, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
    ASSERT_TRUE(Until([&] {
      health::v1::BatchGetHealthScoresRequest request;
      for (int i = 0; i < kAccounts; ++i) request.add_names(absl::StrCat("accounts/a", i, "/healthScore"));
      health::v1::BatchGetHealthScoresResponse response;
      return Call(*stubs.scores, &health::v1::HealthScoreService::Stub::BatchGetHealthScores, request, &response).ok();
    }));
  }
  std::string LogsOfTest() const override {
    std::string logs;
    for (int place = 0; place < kPlaces; ++place) {
      const std::string log = ReadFile(Log(place));
      absl::StrAppend(&logs, "-- ", place, "\n", log.substr(log.size() < 3000 ? 0 : log.size() - 3000));
    }
    return logs;
  }

  [[nodiscard]] std::string Log(int place) const { return absl::StrCat(folder_.path(), "/", place, ".log"); }
  [[nodiscard]] std::string Local(Place place) const { return absl::StrCat("127.0.0.1:", ports_[place]); }
  [[nodiscard]] std::string gateways() const { return absl::StrCat("ipv4:", Local(kGateway0), ",", Local(kGateway1)); }
  void Start(Place place) {
    const std::string bin = PERENNIAL_BINARY_DIR "/";
    const std::string port = absl::StrCat("--port=", ports_[place]);
    const std::string data = absl::StrCat("--data=", folder_.path(), "/", static_cast<int>(place));
    const std::string page = absl::StrCat("--metrics_port=", pages_[place]);
    std::vector<std::string> command;
    if (place == kAccountsSvc) {
      command = {bin + "accounts-svc", port, data, page};
    } else if (place == kHealth0 || place == kHealth1) {
      command = {bin + "health-svc", port, data, page, "--accounts=" + Local(kAccountsSvc),
                 absl::StrCat("--shard=", place - kHealth0, "/2"),
                 absl::StrCat("--replicas=", Local(kHealth0), ",", Local(kHealth1)), "--drain_ms=300"};
    } else {
      command = {bin + "gateway", port, "--accounts=" + Local(kAccountsSvc),
                 absl::StrCat("--health=ipv4:", Local(kHealth0), ",", Local(kHealth1)), "--segments=127.0.0.1:1",
                 absl::StrCat("--http_port=", pages_[place]), "--drain=300ms"};
    }
    processes_[place] = std::make_unique<Process>(command, Log(place));
  }
  // As a readiness probe of Kubernetes asks.
  bool IsReady(Place place) const {
    const auto stub =
        grpc::health::v1::Health::NewStub(grpc::CreateChannel(Local(place), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
    grpc::health::v1::HealthCheckRequest request;
    request.set_service("readiness");
    grpc::health::v1::HealthCheckResponse response;
    return stub->Check(&context, request, &response).ok() &&
           response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
  }
  // Calls that the process has answered since it started.
  double Answered(Place place) const {
    return MetricOf(pages_[place], "grpc_server_handled_total", "grpc_code=\"OK\",grpc_method=\"GetHealthScore\"");
  }
  void RestartUnderLoad(Place place) {
    SCOPED_TRACE(place);
    processes_[place]->Signal(SIGTERM);
    EXPECT_EQ(processes_[place]->Wait(), 0);
    Start(place);
    ASSERT_TRUE(Until([&] { return IsReady(place); }));
    // The next one goes only when this one has its part of the load again: minReadySeconds in Kubernetes.
    ASSERT_TRUE(Until([&] { return Answered(place) > 50; }));
  }

  const TemporaryFolder folder_;
  int ports_[kPlaces] = {};
  int pages_[kPlaces] = {};
  std::unique_ptr<Process> processes_[kPlaces];
};

TEST_F(RollingRestart, FailsNoCallOfAClientThatRetriesAsDocumented) {
  const int rounds = std::getenv("PERENNIAL_LONG") != nullptr ? 25 : 1;
  const auto facts = v1::FactService::NewStub(Client::Channel(gateways()));
  FactsWatcher watcher;
  watcher.Begin(*facts);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<Client>(gateways(), i));
  for (int round = 0; round < rounds; ++round) {
    for (const Place place : {kGateway0, kGateway1, kHealth0, kHealth1}) {
      RestartUnderLoad(place);
      if (HasFatalFailure()) return;
    }
  }
  int calls = 0;
  std::size_t failed = 0;
  for (const auto& client : clients) {
    client->Stop();
    calls += client->calls();
    failed += client->failures().size();
    for (const std::string& failure : client->failures()) ADD_FAILURE() << failure;
  }
  // The watch ended with one of the gateways; it goes on where it was.
  grpc::Status status;
  ASSERT_TRUE(watcher.Ended(&status));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  watcher.Begin(*facts);
  EXPECT_TRUE(Until([&] { return watcher.caught_up() && watcher.accounts() == kAccounts; }));
  EXPECT_EQ(watcher.problem(), "");
  Observe(absl::StrCat(rounds, " x (2 gateways, 2 health-svc) restarted under load, ", calls, " calls, ", failed, " failed"));
}

}  // namespace
}  // namespace perennial::testing
