#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/backup_manifest.h"

namespace perennial::cli {

struct RestoreOptions {
  // Folder of the backup.
  std::string from;
  // Folder that has the folders of the services: accounts, health, segments.
  std::string data;
  // When not empty, the PostgreSQL database that accounts-svc's part goes to, as a connection string.
  std::string database = {};
  // Replaces what is there.
  bool force = false;
};

// Brings the files of a backup back, after all of them have been checked, while the services are stopped. Each file comes in
// place whole; all of them are ready beside their places before the first does. Feeds get new identities, so that whoever
// followed them before begins anew.
//
// FAILED_PRECONDITION when a service runs on the data, or when there is data and `force` is not given; DATA_LOSS when a file
// of the backup is not what its manifest says.
absl::StatusOr<BackupManifest> Restore(const RestoreOptions& options);

}  // namespace perennial::cli
