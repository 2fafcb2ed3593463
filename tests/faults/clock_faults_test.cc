// Clocks that jump, under libfaketime.
#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/faults/matrix.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr char kLibrary[] = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

// accounts-svc, health-svc and the gateway with a clock that the test moves; time that passes is not touched.
class ClockFaults : public MatrixTest {
 protected:
  void SetUp() override {
    Row("F27");
    if (!std::filesystem::exists(kLibrary)) GTEST_SKIP() << "libfaketime is not installed";
    SetClock("+0");
    const std::string local = "127.0.0.1:";
    Start(accounts_, {"accounts-svc", absl::StrCat("--port=", accounts_port_), "--data=" + Path("accounts"), "--metrics_port=-1"});
    Start(health_, {"health-svc", absl::StrCat("--port=", health_port_), "--data=" + Path("health"), "--metrics_port=-1",
                    absl::StrCat("--accounts=", local, accounts_port_)});
    Start(gateway_, {"gateway", "--port=0", "--http_port=-1", "--port_file=" + Path("port"),
                     absl::StrCat("--accounts=", local, accounts_port_), absl::StrCat("--health=", local, health_port_),
                     "--segments=127.0.0.1:1"});
    ASSERT_TRUE(Until([&] { return ReadFile(Path("port")).find('\n') != std::string::npos; }));
    const std::string address = ReadFile(Path("port"));
    stubs_ = std::make_unique<Stubs>(
        grpc::CreateChannel(address.substr(0, address.find('\n')), grpc::InsecureChannelCredentials()));
    Create();
  }
  std::string LogsOfTest() const override {
    return ReadFile(Path("accounts-svc.log")) + ReadFile(Path("health-svc.log")) + ReadFile(Path("gateway.log"));
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  void Start(std::unique_ptr<Process>& process, std::vector<std::string> command) const {
    const std::string log = Path(command[0] + ".log");
    command[0] = absl::StrCat(PERENNIAL_BINARY_DIR, "/", command[0]);
    command.insert(command.begin(), {"env", absl::StrCat("LD_PRELOAD=", kLibrary), "FAKETIME_TIMESTAMP_FILE=" + Path("clock"),
                                     "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"});
    process = std::make_unique<Process>(command, log);
  }
  // "+3600" is an hour ahead; a date is a clock that stands.
  void SetClock(const std::string& clock) const {
    std::ofstream(Path("clock.new")) << clock << "\n";
    std::filesystem::rename(Path("clock.new"), Path("clock"));
  }
  void Create() {
    v1::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name("Acme");
    v1::CreateAccountResponse response;
    ASSERT_TRUE(Until([&] {
      const auto code = Call(*stubs_->accounts, &v1::AccountService::Stub::CreateAccount, request, &response).error_code();
      return code == grpc::StatusCode::OK || code == grpc::StatusCode::ALREADY_EXISTS;
    }));
  }

  // Changes the account and reads its facts, its score and its whole picture, all with short deadlines; what they are called by the
  // clock in force. Revisions go on.
  void ExpectWorks(const std::string& what) {
    v1::UpdateAccountRequest update;
    update.mutable_account()->set_name("accounts/acme");
    update.mutable_account()->set_display_name("Acme " + what);
    update.mutable_update_mask()->add_paths("display_name");
    v1::UpdateAccountResponse updated;
    grpc::Status status = Call(*stubs_->accounts, &v1::AccountService::Stub::UpdateAccount, update, &updated);
    EXPECT_TRUE(status.ok()) << what << ": " << status.error_message();
    v1::WriteRecordsRequest write;
    v1::Record& record = *write.add_records();
    record.set_account("accounts/acme");
    record.set_record_id("u" + what);
    // Its own clock decides what is in the future.
    *record.mutable_event_time() = updated.account().update_time();
    record.mutable_usage()->set_metric("logins");
    v1::WriteRecordsResponse written;
    status = Call(*stubs_->ingest, &v1::IngestService::Stub::WriteRecords, write, &written);
    EXPECT_TRUE(status.ok()) << what << ": " << status.error_message();
    EXPECT_EQ(written.summary().stored(), 1) << what << ": " << written.ShortDebugString();
    v1::GetFactsRequest request;
    request.set_name("accounts/acme");
    v1::GetFactsResponse facts;
    status = Call(*stubs_->facts, &v1::FactService::Stub::GetFacts, request, &facts);
    EXPECT_TRUE(status.ok()) << what << ": " << status.error_message();
    EXPECT_GT(facts.revision(), revision_) << what << ": revisions must grow whatever the clock says";
    revision_ = facts.revision();
    for (const v1::Fact& fact : facts.facts()) {
      if (absl::StrContains(fact.name(), "days")) {
        EXPECT_GE(fact.number(), 0) << what << ": " << fact.name();
      }
    }
    health::v1::GetHealthScoreRequest ask;
    ask.set_name("accounts/acme/healthScore");
    ask.set_min_facts_revision(revision_);
    health::v1::GetHealthScoreResponse score;
    status = Call(*stubs_->scores, &health::v1::HealthScoreService::Stub::GetHealthScore, ask, &score);
    EXPECT_TRUE(status.ok()) << what << ": " << status.error_message();
    EXPECT_GE(score.health_score().facts_revision(), revision_);
    Observe(what + ": revision " + absl::StrCat(revision_));
  }

  const TemporaryFolder folder_;
  const int accounts_port_ = FreePort();
  const int health_port_ = FreePort();
  std::unique_ptr<Process> accounts_;
  std::unique_ptr<Process> health_;
  std::unique_ptr<Process> gateway_;
  std::unique_ptr<Stubs> stubs_;
  std::int64_t revision_ = 0;
};

TEST_F(ClockFaults, JumpsOfAnHourChangeNeitherOrderNorDeadlines) {
  ExpectWorks("right");
  SetClock("+3600");
  ExpectWorks("an-hour-ahead");
  SetClock("-3600");
  ExpectWorks("an-hour-behind");
  SetClock("+0");
  ExpectWorks("right-again");
}

}  // namespace
}  // namespace perennial::testing
