#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/backup_manifest.h"
#include "cli/export_folder.h"
#include "common/base/sha256.h"

namespace perennial::cli {

// Puts the files of a backup together from the pieces that services send, and checks them.
class BackupReceiver {
 public:
  // `folder` must outlive this.
  explicit BackupReceiver(ExportFolder& folder) : folder_(folder) {}
  ~BackupReceiver();
  BackupReceiver(const BackupReceiver&) = delete;
  BackupReceiver& operator=(const BackupReceiver&) = delete;

  // One piece of a service's backup, as it came. DATA_LOSS when pieces are missing, or a file is not what was sent.
  struct Piece {
    std::string service;
    std::string file;
    std::int64_t offset = 0;
    const std::string& data;
    std::int64_t file_size = 0;
    std::string sha256;
  };
  absl::Status Take(const Piece& piece);
  // All pieces of a service have come.
  absl::Status End(const std::string& service);

  [[nodiscard]] const std::vector<BackupFile>& files() const { return files_; }

 private:
  absl::Status Write(const std::string& data);
  absl::Status Finish(const Piece& piece);

  ExportFolder& folder_;
  std::vector<BackupFile> files_;
  std::string open_;  // name of the file that is being written; empty between files
  int descriptor_ = -1;
  std::int64_t written_ = 0;
  std::unique_ptr<Sha256> hash_;
};

// How far a backup is: the file that is coming, bytes that have come of it, and its size (0: not known yet).
using BackupProgress = std::function<void(const std::string& file, std::int64_t done, std::int64_t size)>;

// Backs up all services behind a gateway into a new folder, which appears when it is complete. Those that read from others
// come first, so that no part knows of anything that is not in the part it came from.
absl::StatusOr<BackupManifest> Backup(const std::shared_ptr<grpc::Channel>& gateway, const std::string& folder,
                                      absl::Time now, const std::string& version, const BackupProgress& progress);

}  // namespace perennial::cli
