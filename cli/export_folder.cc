#include "cli/export_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/csv_writer.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

namespace fs = std::filesystem;

absl::Status CannotWrite(const std::string& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path));
}

// Makes names in a folder survive a crash of the machine.
absl::Status SyncFolder(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return CannotWrite(path, errno);
  const int failed = fsync(folder) == 0 ? 0 : errno;
  close(folder);
  return failed == 0 ? absl::OkStatus() : CannotWrite(path, failed);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CsvFile>> CsvFile::Create(const std::string& path,
                                                         const std::vector<std::string>& header) {
  std::FILE* file = std::fopen(path.c_str(), "wbxe");
  if (file == nullptr) return CannotWrite(path, errno);
  std::unique_ptr<CsvFile> csv(new CsvFile(path, file));
  PERENNIAL_RETURN_IF_ERROR(csv->Add(header));
  csv->rows_ = 0;
  return csv;
}

absl::Status CsvFile::Add(const std::vector<std::string>& row) {
  line_.clear();
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line_.push_back(',');
    AppendCsvField(row[i], &line_);
  }
  line_.push_back('\n');
  ++rows_;
  if (std::fwrite(line_.data(), 1, line_.size(), file_.get()) != line_.size()) return CannotWrite(path_, errno);
  return absl::OkStatus();
}

absl::Status CsvFile::Close() {
  std::FILE* file = file_.release();
  int failed = std::fflush(file) == 0 && std::ferror(file) == 0 ? 0 : errno;
  if (failed == 0 && fsync(fileno(file)) != 0) failed = errno;
  if (std::fclose(file) != 0 && failed == 0) failed = errno;
  return failed == 0 ? absl::OkStatus() : CannotWrite(path_, failed);
}

absl::StatusOr<std::unique_ptr<ExportFolder>> ExportFolder::Create(const std::string& path) {
  absl::string_view name = path;
  while (name.size() > 1 && absl::ConsumeSuffix(&name, "/")) {
  }
  if (name.empty()) return absl::InvalidArgumentError("the folder has no name");
  const std::string target(name);
  std::error_code error;
  if (fs::exists(fs::symlink_status(target, error))) {
    if (!fs::is_directory(target, error) || !fs::is_empty(target, error)) {
      return absl::AlreadyExistsError(
          absl::StrCat(target, " is there already; name a folder that is not, or is empty"));
    }
  }
  std::string work = absl::StrCat(target, ".incomplete-XXXXXX");
  if (mkdtemp(work.data()) == nullptr) return CannotWrite(target, errno);
  return std::unique_ptr<ExportFolder>(new ExportFolder(target, std::move(work)));
}

ExportFolder::~ExportFolder() {
  std::error_code ignored;  // nothing can be done about it, and its name says what it is
  if (!committed_) fs::remove_all(work_, ignored);
}

std::string ExportFolder::PathOf(absl::string_view name) const { return absl::StrCat(work_, "/", name); }

absl::Status ExportFolder::Commit() {
  std::error_code error;
  // mkdtemp makes folders for their owner alone; the export is as open as other new folders are.
  const mode_t mask = umask(0);
  umask(mask);
  fs::permissions(work_, static_cast<fs::perms>(0777 & ~mask), error);
  if (error) return CannotWrite(work_, error.value());
  PERENNIAL_RETURN_IF_ERROR(SyncFolder(work_));
  fs::rename(work_, path_, error);
  if (error) return CannotWrite(path_, error.value());
  committed_ = true;
  const std::string parent = fs::path(path_).parent_path().string();
  return SyncFolder(parent.empty() ? "." : parent);
}

}  // namespace perennial::cli
