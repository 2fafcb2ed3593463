#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/export_accounts.h"
#include "cli/export_folder.h"
#include "cli/progress.h"
#include "perennial/accounts/v1/record_service.grpc.pb.h"

namespace perennial::cli {

struct ExportOptions {
  // Where the files go: a folder that is not there yet, or is empty.
  std::string folder;
  // "accounts/{account}", or "accounts/-" for all.
  std::string parent = "accounts/-";
  // The whole export may take so long.
  absl::Duration deadline = absl::Hours(1);
};

struct ExportSummary {
  struct File {
    std::string name;
    std::int64_t rows = 0;
  };
  std::vector<File> files;
  std::int64_t accounts = 0;
  // Accounts whose parent was left out, because it is deleted.
  std::int64_t without_parent = 0;
  absl::Duration took;
};

// One export into canonical CSV files: all of them, or nothing at all. Used once.
class ExportRun {
 public:
  // `stub` and `progress` must outlive this.
  ExportRun(accounts::v1::RecordService::StubInterface& stub, ExportOptions options, Progress& progress);

  // Exports. Errors: what the server said (CANCELLED after Cancel()), or why the files could not be written.
  absl::StatusOr<ExportSummary> Run();
  // Ends Run() soon. May be called from any thread.
  void Cancel();
  // What the server said at the end of the stream.
  [[nodiscard]] const grpc::Status& server_status() const { return server_status_; }

 private:
  absl::Status CreateFiles(const ExportFolder& folder);
  absl::Status Receive();
  absl::Status Take(const accounts::v1::ExportRecordsResponse& message);
  absl::Status TakeRecord(const accounts::v1::Record& record);
  absl::Status CloseFiles(const ExportFolder& folder);

  accounts::v1::RecordService::StubInterface& stub_;
  const ExportOptions options_;
  Progress& progress_;
  grpc::ClientContext context_;
  grpc::Status server_status_;
  ExportSummary summary_;
  std::unique_ptr<AccountSpool> accounts_;
  std::map<std::string, std::unique_ptr<CsvFile>> files_;  // by name
  std::int64_t rows_ = 0;
};

}  // namespace perennial::cli
