// A replica that comes while the gateway runs, under the name that it knows: it gets its part of the calls, and one that goes takes no
// call with it. Names come from a file of hosts that only the gateway sees.
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "tests/faults/matrix.h"
#include "tests/testing/process.h"

namespace perennial::testing {
namespace {

namespace health_v1 = perennial::health::v1;

constexpr char kName[] = "health.perennial.test";
constexpr const char* kAddresses[] = {"127.0.0.2", "127.0.0.3"};

class ReplicasByName : public MatrixTest {
 protected:
  void SetUp() override {
    Row("F20");
    if (RunToEnd({"unshare", "--mount", "true"}).exit_code != 0) GTEST_SKIP() << "needs root, for a file of hosts of its own";
    Start(accounts_, {"accounts-svc", absl::StrCat("--port=", accounts_port_), "--data=" + Path("accounts"), "--metrics_port=-1"});
    NameIs({0});
    StartHealth(0);
    // In a name space of its own for mounts: of all processes only it sees this file.
    Start(gateway_, {"gateway", absl::StrCat("--port=", gateway_port_), "--http_port=-1",
                     absl::StrCat("--accounts=127.0.0.1:", accounts_port_), absl::StrCat("--health=dns:///", kName, ":", health_port_),
                     "--segments=127.0.0.1:1"},
          {"unshare", "--mount", "sh", "-c", R"(mount --bind "$0" /etc/hosts && exec "$@")", Path("hosts")});
    scorecards_ = health_v1::ScorecardService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", gateway_port_), grpc::InsecureChannelCredentials()));
  }
  std::string LogsOfTest() const override {
    std::string logs;
    for (const char* name : {"accounts", "health0", "health1", "gateway"}) {
      const std::string log = ReadFile(Path(absl::StrCat(name, ".log")));
      absl::StrAppend(&logs, "-- ", name, "\n", log.substr(log.size() < 2000 ? 0 : log.size() - 2000));
    }
    return logs;
  }

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  // Written in place: the gateway has this very file.
  void NameIs(const std::vector<int>& replicas) const {
    std::ofstream hosts(Path("hosts"));
    hosts << "127.0.0.1 localhost\n";
    for (const int replica : replicas) hosts << kAddresses[replica] << " " << kName << "\n";
  }
  void Start(std::unique_ptr<Process>& process, std::vector<std::string> command, std::vector<std::string> within = {},
             const std::string& log = "") const {
    const std::string name = log.empty() ? command[0].substr(0, command[0].find('-')) : log;
    command[0] = absl::StrCat(PERENNIAL_BINARY_DIR, "/", command[0]);
    within.insert(within.end(), command.begin(), command.end());
    process = std::make_unique<Process>(within, Path(name + ".log"));
  }
  // Each has a scorecard of its own, so that an answer tells who gave it.
  void StartHealth(int replica) {
    const std::string scorecards = Path(absl::StrCat("scorecards", replica));
    std::ofstream(scorecards) << "scorecards { id: 'replica-" << replica
                              << "' revision: 1 groups { id: 'usage' weight: 1 } measures { id: 'use' group: 'usage' "
                                 "fact: 'attributes.use' weight: 1 missing: MISSING_POLICY_REDISTRIBUTE curve { linear { points { "
                                 "value: 0 score: 0 } points { value: 100 score: 100 } } } } bands { id: 'red' } "
                                 "bands { id: 'green' lower_bound: 50 } }";
    Start(health_[replica],
          {"health-svc", absl::StrCat("--host=", kAddresses[replica]), absl::StrCat("--port=", health_port_),
           absl::StrCat("--data=", Path("health"), replica), absl::StrCat("--accounts=127.0.0.1:", accounts_port_),
           "--scorecards=" + scorecards, "--metrics_port=-1", "--drain_ms=500"},
          {}, absl::StrCat("health", replica));
  }
  // Who answers a call; empty, and counted, when nobody does.
  std::string Ask() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    health_v1::ListScorecardsResponse response;
    const grpc::Status status = scorecards_->ListScorecards(&context, health_v1::ListScorecardsRequest(), &response);
    if (status.ok() && response.scorecards_size() == 1) return response.scorecards(0).name();
    failures_.push_back(status.error_message());
    return "";
  }
  // Who answers a hundred calls.
  std::set<std::string> AskOften() {
    std::set<std::string> who;
    for (int i = 0; i < 100; ++i) who.insert(Ask());
    return who;
  }

  const TemporaryFolder folder_;
  const int accounts_port_ = FreePort();
  const int health_port_ = FreePort();
  const int gateway_port_ = FreePort();
  std::unique_ptr<Process> accounts_;
  std::unique_ptr<Process> health_[2];
  std::unique_ptr<Process> gateway_;
  std::unique_ptr<health_v1::ScorecardService::Stub> scorecards_;
  std::vector<std::string> failures_;
};

TEST_F(ReplicasByName, AReplicaThatComesGetsCallsAndOneThatGoesTakesNoneWithIt) {
  const std::string first = "scorecards/replica-0";
  const std::string second = "scorecards/replica-1";
  ASSERT_TRUE(Until([&] { return Ask() == first; })) << absl::StrJoin(failures_, "\n");
  failures_.clear();

  StartHealth(1);
  NameIs({0, 1});
  EXPECT_TRUE(Until([&] { return AskOften() == std::set<std::string>{first, second}; }, std::chrono::seconds(180)));
  EXPECT_EQ(absl::StrJoin(failures_, "\n"), "");
  Observe("the new one gets its part of the calls, none failed");

  // As Kubernetes does it: out of the name, told to stop, unready for a while, gone.
  NameIs({1});
  health_[0]->Signal(SIGTERM);
  EXPECT_TRUE(Until([&] { return AskOften() == std::set<std::string>{second}; }, std::chrono::seconds(180)));
  EXPECT_EQ(health_[0]->Wait(), 0);
  EXPECT_EQ(AskOften(), std::set<std::string>{second});
  EXPECT_EQ(absl::StrJoin(failures_, "\n"), "");
  Observe("the old one goes, no call failed");
}

}  // namespace
}  // namespace perennial::testing
