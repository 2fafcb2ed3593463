#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/import_row_mapper.h"
#include "cli/import_sender.h"
#include "cli/import_summary.h"
#include "cli/mapping.h"
#include "cli/progress.h"
#include "cli/rejects.h"
#include "cli/resource_sender.h"

namespace perennial::cli {

struct ImportOptions {
  std::string folder;
  // Only these files of the mapping; empty: all that are not on request.
  std::vector<std::string> only_files;
  bool dry_run = false;
  std::size_t batch_records = 1000;
  std::size_t batch_bytes = std::size_t{1} << 20;
  RecordSender::Options sender = {};
};

// One import of a folder, from its files to the summary. Every row that is read ends as stored, replaced, duplicate,
// skipped or in the rejects file. Used once, by one thread.
class ImportRun {
 public:
  // `progress` and `rejects` must outlive this. `interrupted` is asked several times a second.
  ImportRun(Mapping mapping, ImportOptions options, std::shared_ptr<grpc::Channel> channel, Progress& progress,
            RejectsFile& rejects, std::function<bool()> interrupted);

  // Imports. The summary tells what happened even when its status is an error.
  ImportSummary Run();

 private:
  struct OpenFile {
    FileMapping* mapping = nullptr;
    std::size_t index = 0;  // in the summary
    std::unique_ptr<CsvReader> reader;
    std::vector<std::string> header;
  };

  absl::Status Import();
  absl::Status ChooseFiles();
  absl::Status OpenFiles();
  absl::Status ImportFile(OpenFile* file);
  absl::Status TakeRow(const OpenFile& file, RowMapper* mapper, const CsvRow& row);
  absl::Status Refuse(std::size_t file, const CsvRow& row, const std::vector<Violation>& violations);
  absl::Status Flush(const OpenFile& file);
  // Sends what is no record, after all records before it have been acknowledged.
  absl::Status FlushResources(const OpenFile& file);
  // Puts why the server refused it into the rejects file.
  void RefuseByServer(std::size_t file, const RecordOrigin& origin, const google::rpc::Status& status);
  void Acknowledged(const Batch& batch, const accounts::v1::BatchSummary& summary);
  void RefuseRecord(const Batch& batch, const accounts::v1::RecordError& error);
  void ShowProgress();

  Mapping mapping_;
  const ImportOptions options_;
  Progress& progress_;
  RejectsFile& rejects_;
  const std::function<bool()> interrupted_;
  RecordSender sender_;
  ResourceSender resource_sender_;
  ImportSummary summary_;
  std::vector<OpenFile> files_;
  Batch batch_;
  std::size_t batch_bytes_ = 0;
  std::vector<ResourceSender::Resource> resources_;
  std::vector<RecordOrigin> resource_origins_;
  // Rows of a file that the server refused, so that a row with two bad records counts once.
  std::vector<std::set<std::int64_t>> refused_lines_;
  std::string current_file_;
  std::int64_t total_bytes_ = 0;
  std::int64_t bytes_before_ = 0;
  std::int64_t rows_before_ = 0;
  std::int64_t bytes_done_ = 0;
  std::int64_t rows_done_ = 0;
  // The rejects file could not be written while an acknowledgement was taken.
  absl::Status rejects_status_;
};

}  // namespace perennial::cli
