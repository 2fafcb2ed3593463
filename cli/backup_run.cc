#include "cli/backup_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"
#include "perennial/accounts/v1/backup_service.grpc.pb.h"
#include "perennial/health/v1/backup_service.grpc.pb.h"
#include "perennial/segments/v1/backup_service.grpc.pb.h"

namespace perennial::cli {
namespace {

absl::Status DataLoss(const std::string& service, absl::string_view problem) {
  return absl::DataLossError(absl::StrCat("the backup of ", service, "-svc ", problem, "; try again"));
}

absl::Status CannotWrite(const std::string& path) {
  return absl::ResourceExhaustedError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
}

template <class Service, class Request, class Response>
absl::Status Fetch(const std::string& service, const std::shared_ptr<grpc::Channel>& gateway, BackupReceiver& receiver,
                   const BackupProgress& progress) {
  const auto stub = Service::NewStub(gateway);
  grpc::ClientContext context;
  const auto stream = stub->CreateBackup(&context, Request());
  Response response;
  absl::Status status;
  while (status.ok() && stream->Read(&response)) {
    status = receiver.Take({.service = service,
                            .file = response.file(),
                            .offset = response.offset(),
                            .data = response.data(),
                            .file_size = response.file_size(),
                            .sha256 = response.sha256()});
    progress(response.file(), response.offset() + static_cast<std::int64_t>(response.data().size()),
             response.file_size());
  }
  if (!status.ok()) context.TryCancel();
  const grpc::Status finished = stream->Finish();
  PERENNIAL_RETURN_IF_ERROR(status);
  if (!finished.ok()) {
    const absl::Status error = FromGrpcStatus(finished);
    return absl::Status(error.code(), absl::StrCat("cannot back up ", service, "-svc: ", error.message()));
  }
  return receiver.End(service);
}

absl::Status WriteManifest(const ExportFolder& folder, const BackupManifest& manifest) {
  const std::string path = folder.PathOf(kManifestName);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  const std::string text = ToJson(manifest);
  if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0 || fsync(fileno(file.get())) != 0) {
    return CannotWrite(path);
  }
  return absl::OkStatus();
}

}  // namespace

BackupReceiver::~BackupReceiver() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status BackupReceiver::Take(const Piece& piece) {
  // The names are used as paths.
  if (!IsDatabaseOf(piece.service, piece.file)) {
    return DataLoss(piece.service, absl::StrCat("has a file that is not known, ", piece.file.substr(0, 64)));
  }
  if (piece.data.empty() && piece.sha256.empty()) return absl::OkStatus();  // a copy is being made
  const std::string path = folder_.PathOf(piece.file);
  if (open_.empty()) {
    descriptor_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor_ < 0) return CannotWrite(path);
    open_ = piece.file;
    written_ = 0;
    hash_ = std::make_unique<Sha256>();
  }
  if (open_ != piece.file || piece.offset != written_) return DataLoss(piece.service, "came with a piece missing");
  PERENNIAL_RETURN_IF_ERROR(Write(piece.data));
  return piece.sha256.empty() ? absl::OkStatus() : Finish(piece);
}

absl::Status BackupReceiver::Write(const std::string& data) {
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t wrote = write(descriptor_, data.data() + done, data.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return CannotWrite(folder_.PathOf(open_));
    done += static_cast<std::size_t>(wrote);
  }
  hash_->Add(data);
  written_ += static_cast<std::int64_t>(data.size());
  return absl::OkStatus();
}

absl::Status BackupReceiver::Finish(const Piece& piece) {
  const std::string path = folder_.PathOf(open_);
  const bool stored = fsync(descriptor_) == 0;
  if (close(std::exchange(descriptor_, -1)) != 0 || !stored) return CannotWrite(path);
  open_.clear();
  if (written_ != piece.file_size) return DataLoss(piece.service, "came with a piece missing");
  if (hash_->HexDigest() != piece.sha256) return DataLoss(piece.service, "was changed on its way");
  PERENNIAL_ASSIGN_OR_RETURN(BackupFile file, InspectDatabase(piece.service, piece.file, path));
  if (file.sha256 != piece.sha256) return DataLoss(piece.service, "was not written as it came");
  files_.push_back(std::move(file));
  return absl::OkStatus();
}

absl::Status BackupReceiver::End(const std::string& service) {
  if (!open_.empty()) return DataLoss(service, "ended before its time");
  for (const BackupFile& file : files_) {
    if (file.service == service) return absl::OkStatus();
  }
  return DataLoss(service, "is empty");
}

absl::StatusOr<BackupManifest> Backup(const std::shared_ptr<grpc::Channel>& gateway, const std::string& folder,
                                      absl::Time now, const std::string& version, const BackupProgress& progress) {
  namespace accounts = perennial::accounts::v1;
  namespace health = perennial::health::v1;
  namespace segments = perennial::segments::v1;
  PERENNIAL_ASSIGN_OR_RETURN(const std::unique_ptr<ExportFolder> work, ExportFolder::Create(folder));
  BackupReceiver receiver(*work);
  PERENNIAL_RETURN_IF_ERROR(
      (Fetch<segments::BackupService, segments::CreateBackupRequest, segments::CreateBackupResponse>(
          "segments", gateway, receiver, progress)));
  PERENNIAL_RETURN_IF_ERROR((Fetch<health::BackupService, health::CreateBackupRequest, health::CreateBackupResponse>(
      "health", gateway, receiver, progress)));
  PERENNIAL_RETURN_IF_ERROR(
      (Fetch<accounts::BackupService, accounts::CreateBackupRequest, accounts::CreateBackupResponse>(
          "accounts", gateway, receiver, progress)));
  const BackupManifest manifest{.time = now, .version = version, .files = receiver.files()};
  PERENNIAL_RETURN_IF_ERROR(WriteManifest(*work, manifest));
  PERENNIAL_RETURN_IF_ERROR(work->Commit());
  return manifest;
}

}  // namespace perennial::cli
