#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <utility>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "common/storage/backup_reader.h"

namespace perennial {

// Serves the BackupService of a package over gRPC, on a thread of its own: at the pace of the reader, one backup at a time,
// and no longer than the reader stays.
template <class Service, class Request, class Response>
class BackupServer final : public Service::CallbackService {
 public:
  // Both must outlive this. `hub` ends the stream when the server drains.
  BackupServer(storage::BackupSource& source, WatchHub& hub) : source_(source), hub_(hub) {}

  grpc::ServerWriteReactor<Response>* CreateBackup(grpc::CallbackServerContext*, const Request*) override {
    auto begun = source_.Begin();
    if (!begun.ok()) {
      return WatchStream<Response>::Start(
          hub_, refusals_, [status = begun.status()]() -> absl::StatusOr<std::optional<Response>> { return status; });
    }
    return WatchStream<Response>::Start(
        hub_, pool_,
        [reader = std::shared_ptr<storage::BackupReader>(*std::move(begun))] { return Next(*reader); }, true);
  }

 private:
  static absl::StatusOr<std::optional<Response>> Next(storage::BackupReader& reader) {
    absl::StatusOr<std::optional<storage::BackupPiece>> piece = reader.Next();
    if (!piece.ok()) return piece.status();
    if (!piece->has_value()) return std::optional<Response>();
    Response response;
    response.set_file(std::move((*piece)->file));
    response.set_offset((*piece)->offset);
    response.set_data(std::move((*piece)->data));
    response.set_file_size((*piece)->file_size);
    response.set_sha256(std::move((*piece)->sha256));
    return std::optional<Response>(std::move(response));
  }

  storage::BackupSource& source_;
  WatchHub& hub_;
  WorkerPool pool_{{.threads = 1, .max_queued = 4}};
  WorkerPool refusals_{{.threads = 1, .max_queued = 64}};  // not behind a copy that takes long
};

}  // namespace perennial
