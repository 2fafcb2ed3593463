#include "accounts-svc/record_export_stream.h"

#include <algorithm>
#include <utility>

#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"

namespace perennial::accounts {
namespace {

// How often a wait looks whether the server drains.
constexpr std::chrono::milliseconds kGlance(100);

}  // namespace

RecordExportStream* RecordExportStream::Start(absl::StatusOr<RecordExport> exported, WatchHub& hub, WorkerPool& pool,
                                              const ExportLimits& limits) {
  auto* stream = new RecordExportStream(hub, limits);
  if (!exported.ok()) {
    stream->Finish(ToGrpcStatus(exported.status()));
  } else if (!pool.TryRun([stream, run = *std::move(exported)] { stream->Run(run); })) {
    stream->Finish(ToGrpcStatus(BusyStatus()));
  }
  return stream;
}

void RecordExportStream::OnWriteDone(bool ok) {
  MutexLock lock(mu_);
  writing_ = false;
  gone_ = gone_ || !ok;
  changed_.notify_all();
}

void RecordExportStream::OnCancel() {
  MutexLock lock(mu_);
  gone_ = true;
  changed_.notify_all();
}

void RecordExportStream::Run(const RecordExport& exported) {
  const Clock::time_point end = Clock::now() + limits_.total;
  const absl::Status status = CallSafely(
      [&] { return exported.Run([&](v1::ExportRecordsResponse message) { return Send(std::move(message), end); }); });
  Finish(ToGrpcStatus(status));  // the last touch: the object may be gone after it
}

absl::Status RecordExportStream::Send(v1::ExportRecordsResponse message, Clock::time_point end) {
  {
    const Clock::time_point deadline = std::min(end, Clock::now() + limits_.stall);
    MutexLock lock(mu_);
    while (writing_ && !gone_ && !hub_.draining() && Clock::now() < deadline) {
      (void)lock.WaitUntil(changed_, std::min(deadline, Clock::now() + kGlance));
    }
    if (gone_) return absl::CancelledError("the reader left");
    if (hub_.draining()) {
      return WithReason(absl::UnavailableError("server is draining; export again"), "DRAINING");
    }
    if (writing_ || Clock::now() >= end) {
      return WithReason(
          absl::AbortedError("the reader was too slow, and the state of the store cannot be held for it; export again"),
          "READER_TOO_SLOW");
    }
    writing_ = true;
  }
  message_ = std::move(message);
  StartWrite(&message_);
  return absl::OkStatus();
}

}  // namespace perennial::accounts
