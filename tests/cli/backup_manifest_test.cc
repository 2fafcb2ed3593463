#include "cli/backup_manifest.h"

#include "absl/strings/str_replace.h"
#include "tests/cli/backup_files.h"
#include "tests/testing/process.h"

namespace perennial::cli {
namespace {

BackupManifest Sample() {
  return {.time = absl::FromUnixSeconds(1'700'000'000),
          .version = "0.1.0",
          .files = {{"segments", "metrics.db", 4096, std::string(64, 'a'), 0x50534e50, 1},
                    {"accounts", "accounts.db", 8192, std::string(64, 'b'), 0x50651, 7}}};
}

TEST(BackupManifestTest, IsReadAsItWasWritten) {
  const auto read = ParseManifest(ToJson(Sample()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Sample());
}

TEST(BackupManifestTest, WhatIsNoManifestIsRefused) {
  const std::string good = ToJson(Sample());
  for (const std::string& bad :
       {std::string(), std::string("{}"), std::string("[1]"), good.substr(0, good.size() / 2),
        absl::StrReplaceAll(good, {{"accounts.db", "../accounts.db"}}),
        absl::StrReplaceAll(good, {{"\"accounts\"", "\"gateway\""}}), absl::StrReplaceAll(good, {{"\"format\": 1", "\"format\": 2"}}),
        absl::StrReplaceAll(good, {{"8192", "\"8192\""}}), absl::StrReplaceAll(good, {{"2023", "when"}})}) {
    EXPECT_EQ(ParseManifest(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(BackupManifestTest, ADatabaseIsLookedInto) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/with % and #.db";
  MakeDatabase(path, 0x50651, "x");
  const auto found = InspectDatabase("accounts", "accounts.db", path);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->size, static_cast<std::int64_t>(BytesOf(path).size()));
  EXPECT_EQ(found->application_id, 0x50651);
  EXPECT_EQ(found->schema_version, 2);
  EXPECT_EQ(InspectDatabase("health", "health.db", path).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(InspectDatabase("accounts", "x.db", path).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(InspectDatabase("accounts", "accounts.db", path + "x").status().code(), absl::StatusCode::kNotFound);
}

TEST(BackupManifestTest, ADamagedDatabaseIsFound) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/accounts.db";
  MakeDatabase(path, 0x50651, "x");
  std::string bytes = BytesOf(path);
  for (std::size_t i = 4096; i < 4096 + 200; ++i) bytes[i] = '\x55';
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(InspectDatabase("accounts", "accounts.db", path).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace perennial::cli
