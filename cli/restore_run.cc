#include "cli/restore_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/store/schema.h"
#include "common/base/status_macros.h"
#include "common/storage/copy_tables.h"
#include "common/storage/sqlite.h"

namespace perennial::cli {
namespace {

namespace fs = std::filesystem;

absl::Status CannotWrite(const std::string& path, const std::error_code& error) {
  return absl::FailedPreconditionError(absl::StrCat("cannot write ", path, ": ", error.message()));
}

absl::StatusOr<BackupManifest> ReadManifest(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kManifestName);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " is no complete backup: it has no ", kManifestName));
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return ParseManifest(text);
}

// All files of the backup are what the manifest says.
absl::Status Verify(const std::string& folder, const BackupManifest& manifest) {
  for (const BackupFile& file : manifest.files) {
    const std::string path = absl::StrCat(folder, "/", file.file);
    PERENNIAL_ASSIGN_OR_RETURN(const BackupFile found, InspectDatabase(file.service, file.file, path));
    if (found != file) {
      return absl::DataLossError(absl::StrCat(path, " is not the file that ", kManifestName, " tells of"));
    }
  }
  return absl::OkStatus();
}

// Takes the lock of a service's folder, so that it neither runs nor starts.
absl::StatusOr<sqlite::FileLock> Claim(const RestoreOptions& options, const std::string& service) {
  const std::string folder = absl::StrCat(options.data, "/", service);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return CannotWrite(folder, error);
  auto lock = sqlite::FileLock::Take(absl::StrCat(folder, "/", service, ".db"));
  if (!lock.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(lock.status().message(), "; stop the services before a restore"));
  }
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".db" && !options.force) {
      return absl::FailedPreconditionError(
          absl::StrCat(folder, " has data already; --force replaces it, and it cannot be brought back"));
    }
  }
  if (error) return CannotWrite(folder, error);
  return lock;
}

absl::Status Sync(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = descriptor >= 0 && fsync(descriptor) == 0;
  if (descriptor >= 0) close(descriptor);
  return done ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot bring ", path, " to stable storage"));
}

// The restored database goes on from an earlier state, and revisions it gives out from now on may have been given out
// before: its feed becomes another one.
absl::Status RenewIdentity(const std::string& file, const std::string& path) {
  const char* sql = nullptr;
  if (file == "accounts.db") sql = "DELETE FROM settings WHERE key = 'feed_id'";
  if (file == "health.db") sql = "UPDATE progress SET generation = lower(hex(randomblob(8)))";
  if (file == "segments.db") sql = "UPDATE progress SET feed_id = lower(hex(randomblob(8)))";
  if (sql == nullptr) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const auto connection, sqlite::Connection::Open(path, sqlite::Durability::kFull));
  if (file == "segments.db") {
    // A backup by an older version has none yet: the service gives it one when it brings the tables up to date.
    PERENNIAL_ASSIGN_OR_RETURN(
        sqlite::Statement column,
        connection->Prepare("SELECT 1 FROM pragma_table_info('progress') WHERE name = 'feed_id'"));
    PERENNIAL_ASSIGN_OR_RETURN(const bool there, column.Step());
    if (!there) return absl::OkStatus();
  }
  PERENNIAL_RETURN_IF_ERROR(connection->Execute(sql));
  connection->Checkpoint();
  return absl::OkStatus();
}

void RemoveWithLogs(const std::string& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix, ignored);
}

// A copy beside the place where it is to go, with its new identity.
absl::StatusOr<std::string> Stage(const RestoreOptions& options, const BackupFile& file) {
  const std::string staged = absl::StrCat(options.data, "/", file.service, "/", file.file, ".restoring");
  RemoveWithLogs(staged);
  std::error_code error;
  fs::copy_file(absl::StrCat(options.from, "/", file.file), staged, error);
  if (error) return CannotWrite(staged, error);
  fs::permissions(staged, fs::perms::owner_read | fs::perms::owner_write, error);
  PERENNIAL_RETURN_IF_ERROR(RenewIdentity(file.file, staged));
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(staged + suffix, error);
  PERENNIAL_RETURN_IF_ERROR(Sync(staged));
  return staged;
}

absl::Status Place(const std::string& staged, const std::string& target) {
  // The log of the database that was there must not be taken for that of the new one.
  RemoveWithLogs(target);
  std::error_code error;
  fs::rename(staged, target, error);
  if (error) return CannotWrite(target, error);
  return Sync(fs::path(target).parent_path().string());
}

}  // namespace

absl::StatusOr<BackupManifest> Restore(const RestoreOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(BackupManifest manifest, ReadManifest(options.from));
  PERENNIAL_RETURN_IF_ERROR(Verify(options.from, manifest));
  std::set<std::string> services;
  for (const BackupFile& file : manifest.files) services.insert(file.service);
  std::vector<sqlite::FileLock> locks;
  for (const std::string& service : services) {
    PERENNIAL_ASSIGN_OR_RETURN(sqlite::FileLock lock, Claim(options, service));
    locks.push_back(std::move(lock));
  }
  std::vector<std::pair<std::string, std::string>> staged;  // with their places
  for (const BackupFile& file : manifest.files) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string path, Stage(options, file));
    staged.emplace_back(path, absl::StrCat(options.data, "/", file.service, "/", file.file));
  }
  for (const auto& [path, target] : staged) {
    if (options.database.empty() || fs::path(target).filename() != "accounts.db") {
      PERENNIAL_RETURN_IF_ERROR(Place(path, target));
      continue;
    }
    const absl::Status copied = storage::CopyToPostgres(path, {.connection = options.database},
                                                        perennial::accounts::AccountsSchema(), "accounts");
    RemoveWithLogs(path);
    PERENNIAL_RETURN_IF_ERROR(copied);
  }
  return manifest;
}

}  // namespace perennial::cli
