#include "common/storage/backup_reader.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"

namespace perennial::storage {
namespace {

constexpr std::int64_t kMostBytes = 1 << 20;
constexpr std::int64_t kSpareRoom = 64 << 20;  // for what the service itself writes meanwhile

void RemoveAll(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

absl::Status CheckRoom(const std::string& folder, std::int64_t size) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error || space.available >= static_cast<std::uintmax_t>(size + kSpareRoom)) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(absl::StrCat("no room for a copy of ", size >> 20, " MiB in ", folder)),
                    "STORAGE_FULL");
}

}  // namespace

BackupSource::BackupSource(std::string folder, std::vector<CopySource> databases)
    : folder_(std::move(folder)), databases_(std::move(databases)) {
  RemoveAll(folder_);
}

absl::StatusOr<std::unique_ptr<BackupReader>> BackupSource::Begin() {
  if (busy_.exchange(true)) {
    return WithRetryAfter(
        WithReason(absl::ResourceExhaustedError("a backup of this service runs already"), "BACKUP_RUNNING"), 10'000);
  }
  return std::make_unique<BackupReader>(*this);
}

BackupReader::~BackupReader() {
  copy_.reset();
  file_.close();
  RemoveAll(source_.folder_);
  source_.busy_ = false;
}

std::string BackupReader::CopyPath() const { return absl::StrCat(source_.folder_, "/", source_.databases_[at_].file); }

absl::Status BackupReader::BeginCopy() {
  const CopySource& database = source_.databases_[at_];
  std::error_code error;
  std::filesystem::create_directories(source_.folder_, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot create ", source_.folder_, ": ", error.message()));
  }
  PERENNIAL_ASSIGN_OR_RETURN(size_, database.size());
  PERENNIAL_RETURN_IF_ERROR(CheckRoom(source_.folder_, size_));
  PERENNIAL_ASSIGN_OR_RETURN(copy_, database.begin(CopyPath()));
  return absl::OkStatus();
}

absl::StatusOr<BackupPiece> BackupReader::ReadPiece() {
  BackupPiece piece{.file = source_.databases_[at_].file, .offset = offset_, .file_size = size_};
  piece.data.resize(static_cast<std::size_t>(std::min(kMostBytes, size_ - offset_)));
  if (!file_.read(piece.data.data(), static_cast<std::streamsize>(piece.data.size()))) {
    return absl::UnavailableError("cannot read the copy of the database");
  }
  hash_->Add(piece.data);
  offset_ += static_cast<std::int64_t>(piece.data.size());
  if (offset_ < size_) return piece;
  piece.sha256 = hash_->HexDigest();
  file_.close();
  hash_.reset();
  // Gone before the next copy is made: there need be room for one only.
  RemoveAll(source_.folder_);
  ++at_;
  return piece;
}

absl::StatusOr<std::optional<BackupPiece>> BackupReader::Next() {
  if (at_ == source_.databases_.size()) return std::nullopt;
  if (hash_ != nullptr) return ReadPiece();
  if (copy_ == nullptr) {
    PERENNIAL_RETURN_IF_ERROR(BeginCopy());
  } else {
    PERENNIAL_ASSIGN_OR_RETURN(const bool more, copy_->Step());
    if (!more) {
      copy_.reset();
      std::error_code error;
      size_ = static_cast<std::int64_t>(std::filesystem::file_size(CopyPath(), error));
      file_.open(CopyPath(), std::ios::binary);
      if (error || !file_ || size_ == 0) return absl::UnavailableError("cannot read the copy of the database");
      hash_ = std::make_unique<Sha256>();
      offset_ = 0;
    }
  }
  return BackupPiece{.file = source_.databases_[at_].file, .file_size = size_};
}

}  // namespace perennial::storage
