// What accounts-svc does with a database file that is damaged, newer than it, or not its own: it says so and changes nothing.
#include <sqlite3.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/faults/fault_fixture.h"

namespace perennial::testing {
namespace {

constexpr int kAccounts = 24;
constexpr std::int64_t kEvents = 100;  // of each account

class DamageFaults : public FaultTest {
 protected:
  // Makes a database of some hundred kilobytes, and stops.
  void MakeData() {
    StartWithAccount({.folder = folder_.path()});
    for (int i = 0; i < kAccounts; ++i) {
      const std::string id = absl::StrCat("a", i);
      if (i > 0) {
        ASSERT_TRUE(client_->CreateAccount(id).ok());
      }
      ASSERT_TRUE(client_->Use(id, 0, kEvents, 100).ok());
    }
  }
  [[nodiscard]] std::string File() const { return service_->database_file(); }
  // Overwrites a part of a file.
  static void Overwrite(const std::string& path, std::uintmax_t begin, std::size_t size) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(begin));
    for (std::size_t i = 0; i < size; ++i) file.put(static_cast<char>(0x5a ^ (i * 37)));
  }
  // The process refuses to start with that code and a message that holds `advice`; the file is not touched.
  void ExpectRefused(int code, const std::string& advice) {
    const std::string before = ReadFile(File());
    EXPECT_FALSE(service_->Start());
    EXPECT_EQ(service_->WaitForEnd(), code) << service_->Log();
    EXPECT_TRUE(absl::StrContains(service_->Log(), advice)) << service_->Log();
    EXPECT_TRUE(ReadFile(File()) == before) << "the file was changed";
    Observe(absl::StrCat("exit ", code, ", ", advice));
  }
  // The process refuses to start, or answers what it can and DATA_LOSS for what it cannot, and is not ready then. Whatever it
  // answers is right.
  void ExpectRefusedOrHonest() {
    const auto size = std::filesystem::file_size(File());
    if (!service_->Start()) {
      EXPECT_EQ(service_->WaitForEnd(), 65) << service_->Log();
      Observe("exit 65");
    } else {
      AccountsClient client(service_->Channel());
      int answered = 0;
      int lost = 0;
      for (int i = 0; i < kAccounts; ++i) {
        double sum = 0;
        const grpc::Status status = client.Count(absl::StrCat("a", i), &sum);
        if (status.ok()) {
          EXPECT_EQ(sum, static_cast<double>(kEvents));
          ++answered;
          continue;
        }
        EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS) << status.error_message();
        EXPECT_EQ(AccountsClient::ReasonOf(status), "STORAGE_DAMAGED");
        ++lost;
      }
      EXPECT_GT(lost, 0) << "the damage was not met";
      EXPECT_EQ(service_->Serving("readiness"), false);
      EXPECT_EQ(service_->Serving(""), false);
      EXPECT_EQ(service_->Serving("liveness"), true) << "a restart would not help";
      EXPECT_EQ(client.Use("a0", 1000, 1001).error_code(), grpc::StatusCode::DATA_LOSS) << "nothing is written any more";
      Observe(absl::StrCat(answered, " answered rightly, ", lost, " DATA_LOSS, not ready"));
      service_->Terminate();
    }
    EXPECT_GE(std::filesystem::file_size(File()), size) << "the file was made anew";
  }
};

TEST_F(DamageFaults, ADamagedHeaderIsRefused) {
  Row("F16");
  MakeData();
  ASSERT_EQ(service_->Terminate(), 0);
  Overwrite(File(), 0, 100);
  ExpectRefused(65, "damaged; restore it from a backup");
}

TEST_F(DamageFaults, DamagedPagesAreDataLossAndNotReady) {
  Row("F16");
  MakeData();
  ASSERT_EQ(service_->Terminate(), 0);
  const auto size = std::filesystem::file_size(File());
  for (std::uintmax_t page = size / 4096 / 2; page < size / 4096; ++page) Overwrite(File(), page * 4096, 200);
  ExpectRefusedOrHonest();
}

TEST_F(DamageFaults, ATruncatedFileIsDataLossOrRefused) {
  Row("F16");
  MakeData();
  ASSERT_EQ(service_->Terminate(), 0);
  std::filesystem::resize_file(File(), std::filesystem::file_size(File()) / 8192 * 4096);
  ExpectRefusedOrHonest();
}

TEST_F(DamageFaults, ADamagedLogGivesAnEarlierStateThatIsWhole) {
  Row("F16");
  MakeData();
  service_->Kill();
  const std::string log = File() + "-wal";
  const auto size = std::filesystem::file_size(log);
  ASSERT_GT(size, 100'000U);
  Overwrite(log, size / 2, 50);
  Restart();
  int whole = 0;
  for (int i = 0; i < kAccounts; ++i) {
    double sum = 0;
    const grpc::Status status = client_->Count(absl::StrCat("a", i), &sum);
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) continue;
    ASSERT_TRUE(status.ok()) << status.error_message();
    // A commit is there as a whole or not at all.
    EXPECT_TRUE(sum == 0 || sum == static_cast<double>(kEvents)) << sum;
    ++whole;
  }
  EXPECT_GT(whole, 0);
  EXPECT_EQ(service_->Terminate(), 0);
  EXPECT_EQ(IntegrityOf(File()), "ok");
  Observe(absl::StrCat(whole, " of ", kAccounts, " accounts, each commit whole, integrity ok"));
}

TEST_F(DamageFaults, ANewerSchemaIsRefused) {
  Row("F16");
  MakeData();
  ASSERT_EQ(service_->Terminate(), 0);
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(File().c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  ExpectRefused(78, "run a newer version of the program");
}

TEST_F(DamageFaults, ADatabaseOfAnotherProgramIsRefused) {
  Row("F16");
  service_ = std::make_unique<AccountsProcess>(AccountsProcess::Options{.folder = folder_.path()});
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(File().c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE theirs (x)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  ExpectRefused(78, "belongs to another program");
}

}  // namespace
}  // namespace perennial::testing
