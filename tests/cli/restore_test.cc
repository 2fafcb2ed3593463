// Bringing a backup back.
#include "cli/restore_run.h"

#include <filesystem>

#include "tests/cli/backup_files.h"
#include "tests/testing/process.h"

namespace perennial::cli {
namespace {

class RestoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(from_);
    Add("accounts", "accounts.db", 0x50651,
        "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT); INSERT INTO settings VALUES ('feed_id', 'old'), "
        "('swept', 's')");
    Add("health", "health.db", 0x50484c54, "CREATE TABLE progress (generation TEXT); INSERT INTO progress VALUES ('old')");
    Add("segments", "segments.db", 0x50535347, "CREATE TABLE progress (feed_id TEXT); INSERT INTO progress VALUES ('old')");
    Add("segments", "engagement.db", 0x50454e47);
    Add("segments", "metrics.db", 0x50534e50);
    WriteManifest();
  }
  void Add(const std::string& service, const std::string& file, int application_id, const std::string& sql = "") {
    MakeDatabase(from_ + "/" + file, application_id, "of " + file, sql);
    const auto found = InspectDatabase(service, file, from_ + "/" + file);
    ASSERT_TRUE(found.ok()) << found.status();
    manifest_.files.push_back(*found);
  }
  void WriteManifest() { std::ofstream(from_ + "/manifest.json") << ToJson(manifest_); }
  absl::Status Run(bool force = false) { return Restore({.from = from_, .data = data_, .force = force}).status(); }
  [[nodiscard]] std::string TextOf(const std::string& file) const {
    return AskDatabase(data_ + "/" + file, "SELECT text FROM what");
  }

  const testing::TemporaryFolder folder_;
  const std::string from_ = folder_.path() + "/backup";
  const std::string data_ = folder_.path() + "/data";
  BackupManifest manifest_{.time = absl::UnixEpoch(), .version = "x", .files = {}};
};

TEST_F(RestoreTest, BringsEveryFileToItsService) {
  const absl::Status restored = Run();
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(TextOf("accounts/accounts.db"), "of accounts.db");
  EXPECT_EQ(TextOf("health/health.db"), "of health.db");
  EXPECT_EQ(TextOf("segments/segments.db"), "of segments.db");
  EXPECT_EQ(TextOf("segments/engagement.db"), "of engagement.db");
  EXPECT_EQ(TextOf("segments/metrics.db"), "of metrics.db");
  EXPECT_FALSE(std::filesystem::exists(data_ + "/accounts/accounts.db.restoring"));
}

TEST_F(RestoreTest, FeedsGetNewIdentities) {
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(AskDatabase(data_ + "/accounts/accounts.db", "SELECT group_concat(key) FROM settings"), "swept");
  const std::string generation = AskDatabase(data_ + "/health/health.db", "SELECT generation FROM progress");
  EXPECT_EQ(generation.size(), 16U);
  EXPECT_NE(generation, "old");
  const std::string feed_id = AskDatabase(data_ + "/segments/segments.db", "SELECT feed_id FROM progress");
  EXPECT_EQ(feed_id.size(), 16U);
  EXPECT_NE(feed_id, "old");
}

TEST_F(RestoreTest, RefusesToReplaceDataUnlessItIsForced) {
  ASSERT_TRUE(Run().ok());
  {
    auto connection = sqlite::Connection::Open(data_ + "/health/health.db", sqlite::Durability::kFull);
    ASSERT_TRUE((*connection)->Execute("UPDATE what SET text = 'newer'").ok());
  }
  EXPECT_EQ(Run().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(TextOf("health/health.db"), "newer");
  ASSERT_TRUE(Run(true).ok());
  EXPECT_EQ(TextOf("health/health.db"), "of health.db") << "and the log of the other is gone";
}

TEST_F(RestoreTest, RefusesWhileAServiceRuns) {
  std::filesystem::create_directories(data_ + "/health");
  const auto lock = sqlite::FileLock::Take(data_ + "/health/health.db");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(Run(true).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(data_ + "/accounts/accounts.db"));
}

TEST_F(RestoreTest, RefusesABackupThatIsNotWhole) {
  std::filesystem::remove(from_ + "/manifest.json");
  EXPECT_EQ(Run().code(), absl::StatusCode::kFailedPrecondition);
  WriteManifest();
  std::filesystem::remove(from_ + "/metrics.db");
  EXPECT_EQ(Run().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(data_));
}

TEST_F(RestoreTest, RefusesAFileThatWasChanged) {
  auto connection = sqlite::Connection::Open(from_ + "/segments.db", sqlite::Durability::kFull);
  ASSERT_TRUE((*connection)->Execute("UPDATE what SET text = 'changed'").ok());
  connection->reset();
  EXPECT_EQ(Run().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(data_));
}

}  // namespace
}  // namespace perennial::cli
