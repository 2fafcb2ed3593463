#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/error_details.h"
#include "common/base/mutex.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
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

// Server side of a method that sends one state of the store: runs an export on a thread of its own and writes its messages
// one at a time, each when the one before it was taken. A reader that stalls, or takes too long altogether, is cut with
// ABORTED. `Export` has `absl::Status Run(const std::function<absl::Status(Response)>& send) const`.
template <class Response, class Export>
class ExportStream final : public grpc::ServerWriteReactor<Response> {
 public:
  // Starts the stream; gRPC owns the reactor. RESOURCE_EXHAUSTED when too many exports wait for a thread of `pool`.
  // `hub` tells when the server drains; it and `pool` must outlive all streams.
  static ExportStream* Start(absl::StatusOr<Export> exported, WatchHub& hub, WorkerPool& pool,
                             const ExportLimits& limits) {
    auto* stream = new ExportStream(hub, limits);
    if (!exported.ok()) {
      stream->Finish(ToGrpcStatus(exported.status()));
    } else if (!pool.TryRun([stream, run = *std::move(exported)] { stream->Run(run); })) {
      stream->Finish(ToGrpcStatus(BusyStatus()));
    }
    return stream;
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mu_);
    writing_ = false;
    gone_ = gone_ || !ok;
    changed_.notify_all();
  }
  void OnCancel() override {
    MutexLock lock(mu_);
    gone_ = true;
    changed_.notify_all();
  }
  void OnDone() override { delete this; }

 private:
  using Clock = std::chrono::steady_clock;
  // How often a wait looks whether the server drains.
  static constexpr std::chrono::milliseconds kGlance{100};

  ExportStream(WatchHub& hub, const ExportLimits& limits) : hub_(hub), limits_(limits) {}

  void Run(const Export& exported) {
    const Clock::time_point end = Clock::now() + limits_.total;
    const absl::Status status = CallSafely(
        [&] { return exported.Run([&](Response message) { return Send(std::move(message), end); }); });
    this->Finish(ToGrpcStatus(status));  // the last touch: the object may be gone after it
  }

  // Waits until the last message was taken, and writes this one.
  absl::Status Send(Response message, Clock::time_point end) {
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
        return WithReason(absl::AbortedError("the reader was too slow, and the state of the store cannot be held for it; "
                                             "export again"),
                          "READER_TOO_SLOW");
      }
      writing_ = true;
    }
    message_ = std::move(message);
    this->StartWrite(&message_);
    return absl::OkStatus();
  }

  WatchHub& hub_;
  const ExportLimits limits_;
  Response message_;  // stays while it is being written
  Mutex mu_;
  std::condition_variable changed_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace perennial::accounts
