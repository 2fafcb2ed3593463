// What accounts-svc does when the disk below SQLite is full, slow, broken or somebody else's: the real binary, real faults.
#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/faults/fault_fixture.h"

namespace perennial::testing {
namespace {

using grpc::StatusCode;

constexpr std::int64_t kBatch = 50;
constexpr std::size_t kBytes = 200;

class StorageFaults : public FaultTest {
 protected:
  // Writes until the disk is full. What that write said.
  grpc::Status Fill() {
    for (;;) {
      tried_ += kBatch;
      const grpc::Status status = client_->Use("a0", tried_ - kBatch, tried_, kBytes);
      if (!status.ok()) return status;
      acknowledged_ += kBatch;
    }
  }
  void WriteMore() {
    tried_ += kBatch;
    const grpc::Status status = client_->Use("a0", tried_ - kBatch, tried_, kBytes);
    EXPECT_TRUE(status.ok()) << status.error_message();
    if (status.ok()) acknowledged_ += kBatch;
  }
  // After a full disk: refused with a reason, while reads go on and the process stays ready.
  void ExpectFull(const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    EXPECT_EQ(AccountsClient::ReasonOf(status), "STORAGE_FULL") << status.error_message();
    Observe(absl::StrCat("code ", status.error_code(), " ", AccountsClient::ReasonOf(status), " after ", acknowledged_));
    double stored = 0;
    const grpc::Status read = client_->Count("a0", &stored);
    EXPECT_TRUE(read.ok()) << read.error_message();
    EXPECT_EQ(stored, static_cast<double>(acknowledged_)) << "nothing of what was refused is there";
    EXPECT_EQ(service_->Serving("readiness"), true);
    EXPECT_TRUE(service_->process().running());
  }

  std::int64_t acknowledged_ = 0;
  std::int64_t tried_ = 0;
};

class Mounted {
 public:
  explicit Mounted(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path_);
    good_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=6m") == 0;
  }
  ~Mounted() {
    if (good_) umount2(path_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool good() const { return good_; }

 private:
  const std::string path_;
  bool good_ = false;
};

TEST_F(StorageFaults, AFullDiskRefusesWritesServesReadsAndRecovers) {
  Row("F12");
  const std::string path = folder_.path() + "/small";
  const Mounted disk(path);
  if (!disk.good()) GTEST_SKIP() << "may not mount a tmpfs here";
  { std::ofstream(path + "/filler") << std::string(2 << 20, 'x'); }
  StartWithAccount({.folder = path});
  ExpectFull(Fill());
  ExpectFull(client_->Use("a0", tried_, tried_ + kBatch, kBytes));
  std::filesystem::remove(path + "/filler");
  WriteMore();
  ExpectIntact(acknowledged_, acknowledged_);
  service_.reset();
}

TEST_F(StorageFaults, ALimitOfTheFileSizeIsAFullDisk) {
  Row("F12");
  if (!Has({"prlimit", "--version"})) GTEST_SKIP() << "prlimit is not installed";
  StartWithAccount({.folder = folder_.path(), .prefix = {"prlimit", "--fsize=2000000:unlimited"}});
  ExpectFull(Fill());
  ASSERT_TRUE(Has({"prlimit", absl::StrCat("--pid=", service_->process().pid()), "--fsize=unlimited"}));
  WriteMore();
  ExpectIntact(acknowledged_, acknowledged_);
}

TEST_F(StorageFaults, ADiskWithoutRoomForOneWriteRefusesItAlone) {
  Row("F13");
  StartWithAccount({.folder = folder_.path()});
  WriteMore();
  Injection injection(service_->process().pid(), "inject=pwrite64:error=ENOSPC", "pwrite64");
  if (!injection.attached()) GTEST_SKIP() << "strace may not look at processes here";
  const grpc::Status status = client_->Use("a0", tried_, tried_ + kBatch, kBytes);
  injection.Stop();
  ExpectFull(status);
  WriteMore();
  ExpectIntact(acknowledged_, acknowledged_);
}

// Follows the probe of the whole process until it says that nothing is served.
class HealthWatch {
 public:
  explicit HealthWatch(AccountsProcess& service) : stub_(grpc::health::v1::Health::NewStub(service.Channel())) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    stream_ = stub_->Watch(&context_, grpc::health::v1::HealthCheckRequest());
    grpc::health::v1::HealthCheckResponse first;
    EXPECT_TRUE(stream_->Read(&first));
    EXPECT_EQ(first.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  }
  bool ToldNotServing() {
    grpc::health::v1::HealthCheckResponse response;
    return stream_->Read(&response) && response.status() == grpc::health::v1::HealthCheckResponse::NOT_SERVING;
  }

 private:
  std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<grpc::health::v1::HealthCheckResponse>> stream_;
};

TEST_F(StorageFaults, ASyncThatFailsFailsTheCommitAndEndsTheProcess) {
  Row("F13");
  StartWithAccount({.folder = folder_.path()});
  WriteMore();
  HealthWatch health(*service_);
  Injection injection(service_->process().pid(), "inject=fdatasync,fsync:error=EIO", "fdatasync,fsync");
  if (!injection.attached()) GTEST_SKIP() << "strace may not look at processes here";
  const auto begin = std::chrono::steady_clock::now();
  tried_ += kBatch;
  const grpc::Status status = client_->Use("a0", tried_ - kBatch, tried_, kBytes);
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_EQ(AccountsClient::ReasonOf(status), "STORAGE_IO_ERROR") << status.error_message();
  EXPECT_TRUE(health.ToldNotServing());
  EXPECT_EQ(service_->WaitForEnd(), 74);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  injection.Stop();
  EXPECT_EQ(injection.Met(), 1) << "a failed sync is not tried again";
  Observe(absl::StrCat("code ", status.error_code(), " ", AccountsClient::ReasonOf(status), ", exit 74 after ", took.count(),
                       " ms"));
  Restart();
  ExpectIntact(acknowledged_, tried_);
}

// SQLite takes a page that cannot be read for a damaged one, and so do we.
TEST_F(StorageFaults, AReadThatFailsIsDataLossAndNotReady) {
  Row("F13");
  StartWithAccount({.folder = folder_.path()});
  WriteMore();
  EXPECT_EQ(service_->Terminate(), 0);
  Restart();
  Injection injection(service_->process().pid(), "inject=pread64:error=EIO", "pread64");
  if (!injection.attached()) GTEST_SKIP() << "strace may not look at processes here";
  double sum = 0;
  const grpc::Status status = client_->Count("a0", &sum);
  EXPECT_EQ(status.error_code(), StatusCode::DATA_LOSS) << status.error_message();
  EXPECT_EQ(AccountsClient::ReasonOf(status), "STORAGE_DAMAGED") << status.error_message();
  EXPECT_EQ(service_->Serving("readiness"), false);
  EXPECT_EQ(service_->Serving(""), false);
  injection.Stop();
  Observe(absl::StrCat("code ", status.error_code(), " ", AccountsClient::ReasonOf(status), ", not ready"));
  service_->Terminate();
  Restart();
  ExpectIntact(acknowledged_, tried_);
}

TEST_F(StorageFaults, ASlowDiskIsSharedByManyWritesAndHoldsUpNoProbe) {
  Row("F14");
  StartWithAccount({.folder = folder_.path()});
  Injection injection(service_->process().pid(), "inject=fdatasync:delay_enter=500000", "fdatasync");
  if (!injection.attached()) GTEST_SKIP() << "strace may not look at processes here";
  constexpr int kWriters = 48;
  std::atomic<int> acknowledged = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      AccountsClient client(service_->Channel());
      for (int i = 0; i < 2; ++i) {
        const std::int64_t number = writer * 2 + i;
        if (client.Use("a0", number, number + 1).ok()) ++acknowledged;
      }
    });
  }
  int probes = 0;
  while (acknowledged < 2 * kWriters && probes < 1000) {
    EXPECT_EQ(service_->Serving("liveness"), true);
    ++probes;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(acknowledged, 2 * kWriters);
  const int syncs = injection.Met();
  injection.Stop();
  // Sixteen threads serve calls, so that each sync carries about as many writes.
  EXPECT_LE(syncs, 2 * kWriters / 4);
  Observe(absl::StrCat(2 * kWriters, " writes in ", syncs, " syncs of 500 ms, ", probes, " probes answered"));
  acknowledged_ = acknowledged;
  ExpectIntact(acknowledged_, acknowledged_);
}

TEST_F(StorageFaults, AWriterThatHoldsTheFileMakesWritesUnavailableUntilItLetsGo) {
  Row("F15");
  StartWithAccount({.folder = folder_.path()});
  WriteMore();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(service_->database_file().c_str(), &other), SQLITE_OK);
  sqlite3_busy_timeout(other, 60'000);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  const grpc::Status status = client_->Use("a0", tried_, tried_ + kBatch);
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_EQ(AccountsClient::ReasonOf(status), "STORAGE_BUSY") << status.error_message();
  EXPECT_TRUE(AccountsClient::HasRetryInfo(status));
  double sum = 0;
  EXPECT_TRUE(client_->Count("a0", &sum).ok()) << "reads go on";
  EXPECT_EQ(service_->Serving("readiness"), true);
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  Observe(absl::StrCat("code ", status.error_code(), " ", AccountsClient::ReasonOf(status)));
  WriteMore();
  ExpectIntact(acknowledged_, acknowledged_);
}

TEST_F(StorageFaults, ASecondProcessOnTheSameDataIsRefused) {
  Row("F33");
  StartWithAccount({.folder = folder_.path()});
  AccountsProcess second({.folder = folder_.path()});
  EXPECT_FALSE(second.Start());
  EXPECT_EQ(second.WaitForEnd(), 78);
  EXPECT_TRUE(absl::StrContains(second.Log(), "in use by another process")) << second.Log();
  WriteMore();
  Observe("exit 78, in use by another process");
  ExpectIntact(acknowledged_, acknowledged_);
}

TEST_F(StorageFaults, AFolderThatMayNotBeWrittenIsRefusedWithAdvice) {
  Row("F16");
  if (geteuid() == 0 && !Has({"setpriv", "--reuid=nobody", "--clear-groups", "true"})) GTEST_SKIP() << "setpriv is missing";
  StartWithAccount({.folder = folder_.path()});
  WriteMore();
  EXPECT_EQ(service_->Terminate(), 0);
  std::vector<std::string> command = {absl::StrCat(PERENNIAL_BINARY_DIR, "/accounts-svc"), "--port=0",
                                      "--data=" + folder_.path()};
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0555));
  if (geteuid() == 0) command.insert(command.begin(), {"setpriv", "--reuid=nobody", "--clear-groups"});
  const Finished refused = RunToEnd(command);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  EXPECT_EQ(refused.exit_code, 78) << refused.err;
  EXPECT_TRUE(absl::StrContains(refused.err, "check that the folder exists and is writable")) << refused.err;
  Observe(absl::StrCat("exit ", refused.exit_code));
  Restart();
  ExpectIntact(acknowledged_, acknowledged_);
}

}  // namespace
}  // namespace perennial::testing
