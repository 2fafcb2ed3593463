// Copies of SQLite databases that are in use, and how they are read out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/storage/backup_reader.h"
#include "common/storage/sqlite.h"
#include "tests/testing/process.h"

namespace perennial::storage {
namespace {

class BackupReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    writer_ = *sqlite::Connection::Open(path_, sqlite::Durability::kNormal);
    ASSERT_TRUE(writer_
                    ->Execute("CREATE TABLE pairs (a INTEGER PRIMARY KEY, b INTEGER NOT NULL, pad TEXT NOT NULL) STRICT; "
                              "PRAGMA application_id = 77; PRAGMA user_version = 3")
                    .ok());
    Add(0, 3000);
  }
  // Rows in one transaction: readers see all of them or none.
  void Add(int first, int count) {
    const std::string pad(1000, 'x');
    ASSERT_TRUE(writer_
                    ->InTransaction([&]() -> absl::Status {
                      auto insert = writer_->Prepare("INSERT INTO pairs VALUES (?, ?, ?)");
                      for (int i = first; i < first + count; ++i) {
                        const absl::Status put = insert->Bind(1, i).Bind(2, first).Bind(3, pad).Run();
                        if (!put.ok()) return put;
                      }
                      return absl::OkStatus();
                    })
                    .ok());
  }
  // Reads a backup to its end; returns the files' bytes by name.
  static std::map<std::string, std::string> ReadAll(BackupReader& reader) {
    std::map<std::string, std::string> files;
    for (;;) {
      auto piece = reader.Next();
      EXPECT_TRUE(piece.ok()) << piece.status();
      if (!piece.ok() || !piece->has_value()) return files;
      EXPECT_LE((*piece)->data.size(), 1U << 20);
      if ((*piece)->data.empty()) continue;
      std::string& bytes = files[(*piece)->file];
      EXPECT_EQ((*piece)->offset, static_cast<std::int64_t>(bytes.size()));
      bytes += (*piece)->data;
      const bool last = static_cast<std::int64_t>(bytes.size()) == (*piece)->file_size;
      EXPECT_EQ((*piece)->sha256, last ? Sha256().Add(bytes).HexDigest() : "");
    }
  }
  static std::string Ask(const std::string& path, const std::string& sql) {
    auto connection = sqlite::Connection::OpenReader(path);
    EXPECT_TRUE(connection.ok()) << connection.status();
    auto statement = (*connection)->Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    EXPECT_TRUE(*statement->Step());
    return statement->Text(0);
  }
  std::string Store(const std::string& bytes) {
    const std::string path = folder_.path() + "/copy.db";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/some.db";
  const std::string work_ = folder_.path() + "/.backup";
  std::unique_ptr<sqlite::Connection> writer_;
};

TEST_F(BackupReaderTest, ACopyHasEverythingThatWasCommittedAndNothingOfWhatCameLater) {
  BackupSource source(work_, {SqliteSource(path_)});
  auto reader = source.Begin();
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE((*reader)->Next().ok());  // the copy is begun
  Add(3000, 500);
  const auto files = ReadAll(**reader);
  ASSERT_EQ(files.size(), 1U);
  const std::string copy = Store(files.at("some.db"));
  EXPECT_EQ(Ask(copy, "PRAGMA integrity_check"), "ok");
  EXPECT_EQ(Ask(copy, "PRAGMA application_id"), "77");
  EXPECT_EQ(Ask(copy, "PRAGMA user_version"), "3");
  EXPECT_EQ(Ask(copy, "SELECT count(*) FROM pairs"), "3000");
  EXPECT_EQ(Ask(path_, "SELECT count(*) FROM pairs"), "3500") << "the writer was not held up";
}

TEST_F(BackupReaderTest, ACopyIsOneStateWhileAnotherThreadWrites) {
  std::atomic<bool> stop = false;
  std::thread writing([&] {
    for (int first = 3000; !stop; first += 10) Add(first, 10);
  });
  BackupSource source(work_, {SqliteSource(path_)});
  for (int i = 0; i < 5; ++i) {
    const auto files = ReadAll(**source.Begin());
    const std::string copy = Store(files.at("some.db"));
    EXPECT_EQ(Ask(copy, "PRAGMA integrity_check"), "ok");
    EXPECT_EQ(Ask(copy, "SELECT count(*) FROM (SELECT b FROM pairs WHERE b >= 3000 GROUP BY b HAVING count(*) <> 10)"),
              "0")
        << "a transaction is there as a whole or not at all";
  }
  stop = true;
  writing.join();
}

TEST_F(BackupReaderTest, OneBackupRunsAtATime) {
  BackupSource source(work_, {SqliteSource(path_)});
  auto first = source.Begin();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(source.Begin().status().code(), absl::StatusCode::kResourceExhausted);
  first->reset();
  EXPECT_TRUE(source.Begin().ok());
}

TEST_F(BackupReaderTest, NothingIsLeftBehind) {
  BackupSource source(work_, {SqliteSource(path_), SqliteSource(path_)});
  {
    auto reader = source.Begin();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE((*reader)->Next().ok());
    EXPECT_TRUE(std::filesystem::exists(work_));
  }
  EXPECT_FALSE(std::filesystem::exists(work_)) << "of one that was cut off";
  {
    auto reader = source.Begin();
    for (auto piece = (*reader)->Next(); piece.ok() && piece->has_value(); piece = (*reader)->Next()) {
    }
    EXPECT_FALSE(std::filesystem::exists(work_)) << "of one that came to its end";
  }
  std::filesystem::create_directories(work_);
  std::ofstream(work_ + "/some.db") << "of a process that was killed";
  const BackupSource next(work_, {SqliteSource(path_)});
  EXPECT_FALSE(std::filesystem::exists(work_));
}

TEST_F(BackupReaderTest, ADatabaseThatIsNotThereIsAnError) {
  BackupSource source(work_, {SqliteSource(folder_.path() + "/none.db")});
  auto reader = source.Begin();
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->Next().status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace perennial::storage
