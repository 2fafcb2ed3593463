#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "common/server/worker_pool.h"

namespace perennial {

// Wakes watch streams when there is something new, cuts those whose readers sleep, and ends them all when the server drains.
//
// Streams are weakly known here: a stream that ended is forgotten at the next wake-up.
class WatchHub {
 public:
  static constexpr std::size_t kMostStreams = 1000;
  // How long a reader may take nothing of what waits for it.
  static constexpr std::chrono::milliseconds kLongestStall{30000};

  // At most this many streams at once. With a stall of 0 somebody else calls CutSleepers().
  explicit WatchHub(std::size_t max_streams = kMostStreams, std::chrono::milliseconds longest_stall = kLongestStall)
      : max_streams_(max_streams), longest_stall_(longest_stall) {
    if (longest_stall_.count() > 0) cutter_ = std::jthread([this](const std::stop_token& stop) { CutAgainAndAgain(stop); });
  }

  class Stream {
   public:
    virtual ~Stream() = default;
    // Look again. Called on any thread, without locks of the hub; must not block.
    virtual void Wake() = 0;
    // Ends the stream when its reader has taken nothing of a message that was sent before `since`; true when it has ended so,
    // and the place is free. Called on any thread, without locks of the hub; must not block.
    virtual bool CutIfAsleep(std::chrono::steady_clock::time_point since) {
      (void)since;
      return false;
    }
  };

  // False when there are too many streams.
  [[nodiscard]] bool Add(const std::shared_ptr<Stream>& stream) {
    MutexLock lock(mu_);
    std::erase_if(streams_, [](const auto& weak) { return weak.expired(); });
    if (streams_.size() >= max_streams_) return false;
    streams_.push_back(stream);
    return true;
  }
  void WakeAll() {
    for (const auto& stream : Live()) stream->Wake();
  }
  // Cuts the streams whose readers have taken nothing since then; how many there were.
  int CutSleepers(std::chrono::steady_clock::time_point since) {
    int cut = 0;
    for (const auto& stream : Live()) {
      if (!stream->CutIfAsleep(since)) continue;
      Forget(*stream);
      ++cut;
    }
    return cut;
  }
  // Ends every stream, present and future, with UNAVAILABLE.
  void Drain() {
    draining_ = true;
    WakeAll();
  }
  [[nodiscard]] bool draining() const { return draining_; }
  // How many streams there are.
  [[nodiscard]] std::size_t streams() const {
    MutexLock lock(mu_);
    return static_cast<std::size_t>(
        std::count_if(streams_.begin(), streams_.end(), [](const auto& weak) { return !weak.expired(); }));
  }

 private:
  std::vector<std::shared_ptr<Stream>> Live() {
    std::vector<std::shared_ptr<Stream>> live;
    MutexLock lock(mu_);
    live.reserve(streams_.size());
    std::erase_if(streams_, [&](const auto& weak) {
      if (auto stream = weak.lock()) {
        live.push_back(std::move(stream));
        return false;
      }
      return true;
    });
    return live;
  }

  void CutAgainAndAgain(const std::stop_token& stop) {
    std::unique_lock<std::mutex> lock(pause_mu_);
    while (!stop.stop_requested()) {
      // A few looks while a reader may sleep.
      pause_.wait_for(lock, stop, longest_stall_ / 4, [] { return false; });
      CutSleepers(std::chrono::steady_clock::now() - longest_stall_);
    }
  }
  void Forget(const Stream& gone) {
    MutexLock lock(mu_);
    std::erase_if(streams_, [&](const auto& weak) { return weak.lock().get() == &gone; });
  }

  const std::size_t max_streams_;
  const std::chrono::milliseconds longest_stall_;
  std::atomic<bool> draining_ = false;
  mutable Mutex mu_;
  std::vector<std::weak_ptr<Stream>> streams_ ABSL_GUARDED_BY(mu_);
  std::mutex pause_mu_;  // of the thread alone
  std::condition_variable_any pause_;
  std::jthread cutter_;  // last: uses all of the above
};

// Server side of a watch method: pulls messages from `next` and sends them one at a time, so that a slow reader holds up
// nobody and costs no memory: what it has not read yet stays in the store, compacted. One that takes nothing at all for as long
// as the hub allows gives its place to others: RESOURCE_EXHAUSTED (SLOW_READER), to be resumed from what it read last.
//
// `next` runs on `pool` (it may block) and is never called twice at once. It returns a message to send, nothing when it has
// caught up, or an error that ends the stream. After a wake-up of the hub it is called again. A stream that is started as
// finite ends with OK instead when `next` returns nothing.
template <class Response>
class WatchStream final : public WatchHub::Stream, public std::enable_shared_from_this<WatchStream<Response>> {
 public:
  using Next = std::function<absl::StatusOr<std::optional<Response>>()>;

  // Starts the stream; gRPC owns the reactor. `hub` and `pool` must outlive all streams.
  static grpc::ServerWriteReactor<Response>* Start(WatchHub& hub, WorkerPool& pool, Next next, bool finite = false) {
    auto stream = std::make_shared<WatchStream>(hub, pool, std::move(next), finite);
    auto* reactor = new Reactor(stream);
    {
      MutexLock lock(stream->mu_);
      stream->reactor_ = reactor;
    }
    if (!hub.Add(stream)) {
      stream->Finish(BusyStatus());
    } else {
      stream->Wake();
    }
    return reactor;
  }

  WatchStream(WatchHub& hub, WorkerPool& pool, Next next, bool finite)
      : hub_(hub), pool_(pool), next_(std::move(next)), finite_(finite) {}

  void Wake() override {
    {
      MutexLock lock(mu_);
      woken_ = true;
      if (busy_ || finished_) return;
      busy_ = true;
    }
    Schedule();
  }
  bool CutIfAsleep(std::chrono::steady_clock::time_point since) override {
    {
      MutexLock lock(mu_);
      if (finished_ || !writing_since_.has_value() || *writing_since_ > since) return false;
    }
    Finish(WithReason(absl::ResourceExhaustedError("the reader took nothing for too long; resume from the last place it was told"),
                      "SLOW_READER"));
    return true;
  }

 private:
  class Reactor final : public grpc::ServerWriteReactor<Response> {
   public:
    explicit Reactor(std::shared_ptr<WatchStream> stream) : stream_(std::move(stream)) {}
    void OnWriteDone(bool ok) override { stream_->WriteDone(ok); }
    void OnCancel() override { stream_->Finish(absl::CancelledError("cancelled")); }
    void OnDone() override {
      {
        MutexLock lock(stream_->mu_);
        stream_->reactor_ = nullptr;
        stream_->finished_ = true;
      }
      delete this;
    }

   private:
    const std::shared_ptr<WatchStream> stream_;
  };

  void Schedule() {
    const bool queued = pool_.TryRun([self = this->shared_from_this()] { self->Step(); });
    if (!queued) Finish(BusyStatus());
  }

  // On a pool thread, with busy_ held.
  void Step() {
    for (;;) {
      {
        MutexLock lock(mu_);
        woken_ = false;
        if (finished_) return;
      }
      if (hub_.draining()) {
        return Finish(WithReason(absl::UnavailableError("server is draining; resume from the last progress_revision"),
                                 "DRAINING"));
      }
      absl::StatusOr<std::optional<Response>> next =
          CallSafely([&]() -> absl::StatusOr<std::optional<Response>> { return next_(); });
      if (!next.ok()) return Finish(next.status());
      if (next->has_value()) return Write(**std::move(next));
      if (finite_) return Finish(absl::OkStatus());
      MutexLock lock(mu_);
      if (!woken_) {
        busy_ = false;
        return;
      }
    }
  }

  void Write(Response message) {
    message_ = std::move(message);
    MutexLock lock(mu_);
    // The reactor outlives this call: OnDone waits for the write that starts here.
    if (reactor_ == nullptr || finished_) return;
    writing_since_ = std::chrono::steady_clock::now();
    reactor_->StartWrite(&message_);
  }

  void WriteDone(bool ok) {
    {
      MutexLock lock(mu_);
      writing_since_.reset();
    }
    if (!ok) return Finish(absl::CancelledError("the reader left"));
    Schedule();
  }

  void Finish(const absl::Status& status) {
    MutexLock lock(mu_);
    if (finished_ || reactor_ == nullptr) return;
    finished_ = true;
    reactor_->Finish(ToGrpcStatus(status));
  }

  WatchHub& hub_;
  WorkerPool& pool_;
  const Next next_;
  const bool finite_;
  Response message_;  // stays while it is being written
  Mutex mu_;
  Reactor* reactor_ ABSL_GUARDED_BY(mu_) = nullptr;
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  // While a message waits for its reader.
  std::optional<std::chrono::steady_clock::time_point> writing_since_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial
