#pragma once

#include <atomic>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/sha256.h"
#include "common/storage/database_copy.h"

namespace perennial::storage {

// A piece of a file of a backup; see CreateBackupResponse in any backup_service.proto.
struct BackupPiece {
  std::string file;
  std::int64_t offset = 0;
  std::string data = {};
  std::int64_t file_size = 0;
  std::string sha256 = {};
};

class BackupReader;

// The databases of a service, for backups one at a time. Thread-safe. Must outlive its readers.
class BackupSource {
 public:
  // Copies lie in `folder`, which is made for one and removed with it; whatever an earlier process left there is removed
  // now.
  BackupSource(std::string folder, std::vector<CopySource> databases);

  // Begins a backup. RESOURCE_EXHAUSTED while another one runs.
  absl::StatusOr<std::unique_ptr<BackupReader>> Begin();

 private:
  friend class BackupReader;
  const std::string folder_;
  const std::vector<CopySource> databases_;
  std::atomic<bool> busy_ = false;
};

// A backup that is under way: makes a copy of one database after the other, and reads it out. For one thread at a time;
// blocks on files. Destroyed at any moment, it removes what it has made.
class BackupReader {
 public:
  explicit BackupReader(BackupSource& source) : source_(source) {}
  ~BackupReader();
  BackupReader(const BackupReader&) = delete;
  BackupReader& operator=(const BackupReader&) = delete;

  // The next piece; nothing at the end. A piece without data says that a copy is being made, and how far: so that a reader
  // who has left is noticed, and nobody takes the silence for a fault. RESOURCE_EXHAUSTED when there is no room.
  absl::StatusOr<std::optional<BackupPiece>> Next();

 private:
  absl::Status BeginCopy();
  absl::StatusOr<BackupPiece> ReadPiece();
  [[nodiscard]] std::string CopyPath() const;

  BackupSource& source_;
  std::size_t at_ = 0;  // of the databases
  std::unique_ptr<DatabaseCopy> copy_;
  std::ifstream file_;
  std::int64_t size_ = 0;
  std::int64_t offset_ = 0;
  std::unique_ptr<Sha256> hash_;
};

}  // namespace perennial::storage
