#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "accounts-svc/record_export.h"
#include "common/base/mutex.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"

namespace perennial::accounts {

// How long an export may hold its state of the store, which keeps the store from tidying up behind it.
struct ExportLimits {
  // For one message to be taken by its reader.
  std::chrono::milliseconds stall = std::chrono::seconds(30);
  // Altogether.
  std::chrono::milliseconds total = std::chrono::hours(1);
};

// Server side of ExportRecords: runs an export on a thread of its own and writes its messages one at a time, each when
// the one before it was taken. A reader that stalls, or takes too long altogether, is cut with ABORTED.
class RecordExportStream final : public grpc::ServerWriteReactor<v1::ExportRecordsResponse> {
 public:
  // Starts the stream; gRPC owns the reactor. RESOURCE_EXHAUSTED when too many exports wait for a thread of `pool`.
  // `hub` tells when the server drains; it and `pool` must outlive all streams.
  static RecordExportStream* Start(absl::StatusOr<RecordExport> exported, WatchHub& hub, WorkerPool& pool,
                                   const ExportLimits& limits);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  using Clock = std::chrono::steady_clock;

  RecordExportStream(WatchHub& hub, const ExportLimits& limits) : hub_(hub), limits_(limits) {}
  void Run(const RecordExport& exported);
  // Waits until the last message was taken, and writes this one.
  absl::Status Send(v1::ExportRecordsResponse message, Clock::time_point end);

  WatchHub& hub_;
  const ExportLimits limits_;
  v1::ExportRecordsResponse message_;  // stays while it is being written
  Mutex mu_;
  std::condition_variable changed_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace perennial::accounts
