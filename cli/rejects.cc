#include "cli/rejects.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "cli/csv_writer.h"
#include "common/base/status_macros.h"

namespace perennial::cli {

absl::Status RejectsFile::CannotWrite() const {
  return absl::ErrnoToStatus(errno == 0 ? EIO : errno, absl::StrCat("cannot write the rejects file ", path_));
}

absl::Status RejectsFile::Create() {
  errno = 0;
  file_.open(path_, std::ios::binary | std::ios::trunc);
  file_ << "file,row,field,reason,record_id,raw\n" << std::flush;
  if (!file_) return CannotWrite();
  return absl::OkStatus();
}

absl::Status RejectsFile::Add(const Reject& reject) {
  if (!created()) PERENNIAL_RETURN_IF_ERROR(Create());
  std::string row;
  AppendCsvRow({reject.file, absl::StrCat(reject.line), reject.field, reject.reason, reject.record_id, reject.raw},
               &row);
  errno = 0;
  file_ << row;
  if (!file_) return CannotWrite();
  return absl::OkStatus();
}

absl::Status RejectsFile::Close() {
  if (!file_.is_open()) return absl::OkStatus();
  errno = 0;
  file_.close();
  closed_ = true;
  if (!file_) return CannotWrite();
  return absl::OkStatus();
}

}  // namespace perennial::cli
