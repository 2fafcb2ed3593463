#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace perennial::cli {

// One database in a backup.
struct BackupFile {
  std::string service;  // "accounts", "health" or "segments"
  std::string file;     // name, both in the backup and in the service's folder
  std::int64_t size = 0;
  std::string sha256;
  std::int64_t application_id = 0;
  std::int64_t schema_version = 0;

  bool operator==(const BackupFile&) const = default;
};

// What `manifest.json` says of a backup. It is written last, so that a backup without one is not complete.
struct BackupManifest {
  absl::Time time;      // when it began
  std::string version;  // of the program that made it
  std::vector<BackupFile> files;

  bool operator==(const BackupManifest&) const = default;
};

constexpr const char* kManifestName = "manifest.json";

std::string ToJson(const BackupManifest& manifest);
// INVALID_ARGUMENT with a sentence when the text is not what ToJson() makes, or names a file that it must not.
absl::StatusOr<BackupManifest> ParseManifest(absl::string_view text);

// Whether a backup may have a file of this name: one of the databases that Perennial keeps.
bool IsDatabaseOf(absl::string_view service, absl::string_view file);

// Size, digest and identity of a database file. DATA_LOSS when SQLite finds a fault in it, or it is another program's.
absl::StatusOr<BackupFile> InspectDatabase(absl::string_view service, absl::string_view file, const std::string& path);

}  // namespace perennial::cli
