// Watches over stops of their service and of the gateway, and watchers that do not read.
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/time_util.h"
#include "tests/faults/facts_watcher.h"
#include "tests/faults/matrix.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

// Memory that a process holds, in MiB.
double ResidentMiB(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (absl::StartsWith(line, "VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

class WatchFaults : public MatrixTest {
 protected:
  void SetUp() override { ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs(); }
  std::string LogsOfTest() const override { return suite_.Logs(); }

  // Memory of the two processes that a watch of facts goes through, in MiB.
  double Resident() {
    return ResidentMiB(suite_.process(Part::kAccounts).pid()) + ResidentMiB(suite_.process(Part::kGateway).pid());
  }
  // Writes accounts with the numbers from `first` to less than `end`, with `padding` bytes of text each.
  void Write(int first, int end, std::size_t padding = 0) {
    const Stubs stubs(suite_.Channel(Part::kAccounts));
    v1::WriteRecordsRequest request;
    for (int i = first; i < end; ++i) {
      v1::Record& record = *request.add_records();
      record.set_account(absl::StrCat("accounts/a", i));
      SetTimestamp(absl::Now(), record.mutable_event_time());
      record.mutable_account_state()->set_display_name(absl::StrCat("Account ", i));
      (*record.mutable_account_state()->mutable_attributes())["note"].set_text(std::string(padding, 'x'));
    }
    v1::WriteRecordsResponse response;
    const grpc::Status status = Call(*stubs.ingest, &v1::IngestService::Stub::WriteRecords, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.summary().errors_size(), 0) << response.ShortDebugString();
  }

  Suite suite_;
};

TEST_F(WatchFaults, WatchesEndWithWhatToResumeFromWhenAProcessStops) {
  Row("F4");
  constexpr int kWatchers = 100;
  Write(0, 20);
  const auto facts = v1::FactService::NewStub(suite_.Channel());
  std::vector<FactsWatcher> watchers(kWatchers);
  for (FactsWatcher& watcher : watchers) watcher.Begin(*facts);
  int accounts = 20;
  for (const Part part : {Part::kAccounts, Part::kGateway}) {
    for (FactsWatcher& watcher : watchers) {
      ASSERT_TRUE(Until([&] { return watcher.caught_up() && watcher.accounts() == static_cast<std::size_t>(accounts); }));
    }
    EXPECT_EQ(suite_.Terminate(part), 0) << "it ends in time, though they are open";
    for (FactsWatcher& watcher : watchers) {
      grpc::Status status;
      ASSERT_TRUE(watcher.Ended(&status));
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
      EXPECT_GT(watcher.progress(), 0);
    }
    Observe(absl::StrCat(NameOf(part), " ends with 0, ", kWatchers, " streams with UNAVAILABLE"));
    suite_.Start(part);
    ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
    Write(accounts, accounts + 20);
    accounts += 20;
    for (FactsWatcher& watcher : watchers) {
      ASSERT_TRUE(Until([&] {
        watcher.Leave();  // one that began before the gateway had found the service again
        watcher.Begin(*facts);
        return Until([&] { return watcher.caught_up() && watcher.accounts() == static_cast<std::size_t>(accounts); },
                     std::chrono::seconds(2));
      }));
    }
  }
  for (FactsWatcher& watcher : watchers) EXPECT_EQ(watcher.problem(), "");
  Observe("all resumed: no account missing, no row twice");
}

TEST_F(WatchFaults, AWatcherThatReadsNothingHoldsUpNobody) {
  Row("F31");
  constexpr int kWatchers = 20;
  constexpr int kAccounts = 400;
  constexpr std::size_t kPadding = 900;
  const auto facts = v1::FactService::NewStub(suite_.Channel());
  FactsWatcher awake;
  awake.Begin(*facts);
  // Each round changes all accounts: what the sleepers have not read would be 20 x 80 x 400 rows, 600 MB.
  constexpr int kRounds = 80;
  std::size_t written = 0;
  const auto write_rounds = [&] {
    for (int round = 0; round < kRounds; ++round) Write(0, kAccounts, kPadding - ++written);
    return Resident();
  };
  const double before = Resident();
  std::vector<FactsWatcher> asleep(kWatchers);
  for (FactsWatcher& watcher : asleep) watcher.Begin(*facts, false);
  // Each holds the messages that are on their way; that is all, however much is written after them.
  const double after = write_rounds();
  EXPECT_TRUE(Until([&] { return awake.accounts() == kAccounts; }));
  Observe(absl::StrCat(kRounds * kAccounts, " writes beside ", kWatchers, " watchers that read nothing, ",
                       static_cast<int>(after - before), " MiB more, of it ",
                       static_cast<int>(ResidentMiB(suite_.process(Part::kGateway).pid())), " in the gateway"));
  EXPECT_LT(after - before, 300) << "what nobody reads is kept once, in the store";
  // And who reads again misses nothing, and reads each account once more at most: on the same stream, or on the next one if
  // it has slept too long for that.
  for (FactsWatcher& watcher : asleep) watcher.ReadOn();
  for (FactsWatcher& watcher : asleep) {
    const auto has_all = [&] { return watcher.caught_up() && watcher.accounts() == kAccounts; };
    EXPECT_TRUE(Until([&] { return has_all() || watcher.over(); }));
    grpc::Status status;
    if (!has_all() && watcher.Ended(&status)) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
      watcher.Begin(*facts);
      EXPECT_TRUE(Until(has_all));
    }
    EXPECT_EQ(watcher.problem(), "");
  }
  Observe("each has all accounts when it reads again");
}

}  // namespace
}  // namespace perennial::testing
