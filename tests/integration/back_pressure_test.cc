// Memory of accounts-svc under senders that send more than it can write, and under some that read no acknowledgement.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/time_util.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr int kStreams = 16;
constexpr int kRecords = 5000;

// Most memory that a process held so far, in MiB.
double PeakMiB(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (absl::StartsWith(line, "VmHWM:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

class BackPressureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
    v1::WriteRecordsRequest request;
    v1::Record* account = request.add_records();
    account->set_account("accounts/acme");
    SetTimestamp(absl::Now() - absl::Hours(24), account->mutable_event_time());
    account->mutable_account_state()->set_display_name("Acme");
    v1::WriteRecordsResponse response;
    ASSERT_TRUE(Call(*Stubs(suite_.Channel()).ingest, &v1::IngestService::Stub::WriteRecords, request, &response).ok());
  }

  // A batch of usage events; or of records that are all refused, so that its acknowledgement is large.
  static v1::StreamRecordsRequest Batch(int stream, int number, bool refused) {
    v1::StreamRecordsRequest batch;
    batch.set_batch_id(number);
    for (int i = 0; i < kRecords; ++i) {
      v1::Record& record = *batch.add_records();
      record.set_account(refused ? "accounts/nobody" : "accounts/acme");
      record.set_record_id(absl::StrCat("a-record-id-as-senders-choose-them-", stream, "-", number, "-", i));
      SetTimestamp(absl::Now(), record.mutable_event_time());
      record.mutable_usage()->set_metric("logins");
      record.mutable_usage()->set_user(absl::StrCat("somebody", i % 50, "@example.com"));
    }
    return batch;
  }

  Suite suite_;
};

TEST_F(BackPressureTest, ManyStreamsAndSendersThatNeverReadHoldBoundedMemory) {
  const pid_t pid = suite_.process(Part::kAccounts).pid();
  const double before = PeakMiB(pid);
  ASSERT_GT(before, 0);
  std::atomic<int> sent = 0;
  std::vector<grpc::ClientContext> contexts(kStreams);
  std::vector<std::thread> senders;
  for (int stream = 0; stream < kStreams; ++stream) {
    senders.emplace_back([&, stream] {
      const Stubs stubs(suite_.Channel(Part::kAccounts));
      const auto records = stubs.ingest->StreamRecords(&contexts[static_cast<std::size_t>(stream)]);
      for (int number = 0; records->Write(Batch(stream, number, stream % 2 == 0)); ++number) ++sent;
      (void)records->Finish();
    });
  }
  // For eight seconds, or on a machine that is very busy until it is more than is taken at once; then it ends each Write, which
  // would wait for ever.
  const absl::Time begin = absl::Now();
  while (absl::Now() < begin + absl::Seconds(sent > kStreams ? 8 : 120)) absl::SleepFor(absl::Milliseconds(20));
  for (grpc::ClientContext& context : contexts) context.TryCancel();
  for (std::thread& sender : senders) sender.join();
  EXPECT_GT(sent, kStreams) << "more was sent than is taken at once";
  // The memory of batches (64 MiB), one batch more of each stream, gRPC's windows, accounts kept warm, pages, and what malloc keeps
  // of it all: about 600 MiB, after 25 seconds no more than after 8.
  EXPECT_LT(PeakMiB(pid) - before, 1000);
  // And it serves on.
  v1::WriteRecordsRequest request;
  *request.add_records() = Batch(99, 0, false).records(0);
  v1::WriteRecordsResponse response;
  // What has come in is written first; until then it may be refused.
  const Stubs stubs(suite_.Channel());
  const absl::Time end = absl::Now() + absl::Minutes(3);
  grpc::Status status;
  do {
    status = Call(*stubs.ingest, &v1::IngestService::Stub::WriteRecords, request, &response);
  } while (!status.ok() && absl::Now() < end);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.summary().stored() + response.summary().duplicates(), 1);
}

}  // namespace
}  // namespace perennial::testing
