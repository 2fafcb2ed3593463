#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace perennial::cli {

// A reason why a row was refused.
struct Reject {
  absl::string_view file;
  // Line of the file on which the row begins, from 1.
  std::int64_t line = 0;
  // Empty when the row as a whole is bad.
  absl::string_view field;
  absl::string_view reason;
  absl::string_view record_id;
  // The row as it stands in the file.
  absl::string_view raw;
};

// The rejects file: CSV with the columns file, row, field, reason, record_id, raw; a line for each bad field. It is
// made when the first row is refused (or by Create) and replaces an earlier one. Not thread-safe.
class RejectsFile {
 public:
  explicit RejectsFile(std::string path) : path_(std::move(path)) {}

  // Makes the file with its header now, to find out early whether it can be written.
  absl::Status Create();
  absl::Status Add(const Reject& reject);
  // Writes everything out.
  absl::Status Close();
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool created() const { return file_.is_open() || closed_; }

 private:
  absl::Status CannotWrite() const;

  const std::string path_;
  std::ofstream file_;
  bool closed_ = false;
};

}  // namespace perennial::cli
