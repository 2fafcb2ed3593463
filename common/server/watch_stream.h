#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "common/server/worker_pool.h"

namespace perennial {

// Wakes watch streams when there is something new, and ends them all when the server drains.
//
// Streams are weakly known here: a stream that ended is forgotten at the next wake-up.
class WatchHub {
 public:
  // At most this many streams at once.
  explicit WatchHub(std::size_t max_streams = 1000) : max_streams_(max_streams) {}

  class Stream {
   public:
    virtual ~Stream() = default;
    // Look again. Called on any thread, without locks of the hub; must not block.
    virtual void Wake() = 0;
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
    std::vector<std::shared_ptr<Stream>> live;
    {
      MutexLock lock(mu_);
      live.reserve(streams_.size());
      std::erase_if(streams_, [&](const auto& weak) {
        if (auto stream = weak.lock()) {
          live.push_back(std::move(stream));
          return false;
        }
        return true;
      });
    }
    for (const auto& stream : live) stream->Wake();
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
  const std::size_t max_streams_;
  std::atomic<bool> draining_ = false;
  mutable Mutex mu_;
  std::vector<std::weak_ptr<Stream>> streams_ ABSL_GUARDED_BY(mu_);
};

// Server side of a watch method: pulls messages from `next` and sends them one at a time, so that a slow reader holds up
// nobody and costs no memory: what it has not read yet stays in the store, compacted.
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
    if (reactor_ != nullptr && !finished_) reactor_->StartWrite(&message_);
  }

  void WriteDone(bool ok) {
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
};

}  // namespace perennial
