#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial::cli {

// A CSV file that is being written. The first thing that went wrong is told by Close(), and by Add() from then on.
class CsvFile {
 public:
  // Creates the file with its header.
  static absl::StatusOr<std::unique_ptr<CsvFile>> Create(const std::string& path,
                                                         const std::vector<std::string>& header);

  absl::Status Add(const std::vector<std::string>& row);
  // Everything is on stable storage when it is OK.
  absl::Status Close();
  [[nodiscard]] std::int64_t rows() const { return rows_; }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  CsvFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}

  const std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::string line_;
  std::int64_t rows_ = 0;
};

// A folder that appears whole or not at all: it is filled under another name beside its place and renamed in the end.
// What was not committed is removed with the object; after a crash a folder "<name>.incomplete-..." is left.
class ExportFolder {
 public:
  // ALREADY_EXISTS when there is something at `path` other than an empty folder.
  static absl::StatusOr<std::unique_ptr<ExportFolder>> Create(const std::string& path);
  ~ExportFolder();
  ExportFolder(const ExportFolder&) = delete;
  ExportFolder& operator=(const ExportFolder&) = delete;

  // Path of a file in it while it is being filled.
  [[nodiscard]] std::string PathOf(absl::string_view name) const;
  absl::Status Commit();

 private:
  ExportFolder(std::string path, std::string work) : path_(std::move(path)), work_(std::move(work)) {}

  const std::string path_;
  const std::string work_;
  bool committed_ = false;
};

}  // namespace perennial::cli
