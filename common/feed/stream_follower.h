#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/server/grpc_status.h"

namespace perennial {

// Reads a watch stream of another service on a thread of its own for as long as it lives: connects, hands each message to
// `apply`, and after any failure connects anew with back-off. `open` starts the stream from where the reader stands, so
// that resuming is its business; it is called on the follower's thread, as is `apply`.
//
// An error of `apply` also ends the stream and opens it anew: it must leave the reader's state as it was.
template <class Response>
class StreamFollower {
 public:
  using Open = std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*)>;
  using Apply = std::function<absl::Status(const Response&)>;
  using Ended = std::function<void(const absl::Status&)>;

  // `name` is for the log. `ended`, when given, is told on the follower's thread why a stream ended, before the next is opened.
  StreamFollower(std::string name, Open open, Apply apply, Ended ended = nullptr)
      : name_(std::move(name)),
        open_(std::move(open)),
        apply_(std::move(apply)),
        ended_(std::move(ended)),
        thread_([this] { Loop(); }) {}

  // Cancels the stream and joins the thread.
  ~StreamFollower() {
    {
      MutexLock lock(mu_);
      stopping_ = true;
      if (context_ != nullptr) context_->TryCancel();
    }
    changed_.notify_all();
    thread_.join();
  }
  StreamFollower(const StreamFollower&) = delete;
  StreamFollower& operator=(const StreamFollower&) = delete;

  // How long it has been, in seconds, since the reader had applied all that there was to read, as the stream told; 0 while it has.
  // Grows while the stream is broken. Any thread may ask.
  [[nodiscard]] double lag_seconds() const {
    const Ticks since = behind_since_;
    if (since == kNotBehind) return 0;
    return std::chrono::duration<double>(Now() - Clock::duration(since)).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Ticks = Clock::rep;
  static constexpr Ticks kNotBehind = 0;

  static Clock::duration Now() { return Clock::now().time_since_epoch(); }
  void FallBehind() {
    Ticks not_behind = kNotBehind;
    behind_since_.compare_exchange_strong(not_behind, Now().count());
  }

  void Loop() {
    std::minstd_rand random(std::random_device{}());
    std::chrono::milliseconds wait{kShortestWait};
    for (;;) {
      grpc::ClientContext context;
      {
        MutexLock lock(mu_);
        if (stopping_) return;
        context_ = &context;
      }
      const absl::Status status = Follow(context, wait);
      FallBehind();
      if (ended_) ended_(status);
      MutexLock lock(mu_);
      context_ = nullptr;
      if (stopping_) return;
      Log(LogLevel::kWarning, "stream ended; resuming", {{"stream", name_}, {"status", status.ToString()}});
      lock.WaitFor(changed_, std::chrono::milliseconds(random() % wait.count() + 1));
      wait = std::min(wait * 2, std::chrono::milliseconds{kLongestWait});
    }
  }

  absl::Status Follow(grpc::ClientContext& context, std::chrono::milliseconds& wait) {
    const auto reader = open_(&context);
    Response response;
    absl::Status applied;
    while (applied.ok() && reader->Read(&response)) {
      wait = std::chrono::milliseconds{kShortestWait};
      FallBehind();
      applied = apply_(response);
      if (applied.ok() && response.caught_up()) behind_since_ = kNotBehind;
      response.Clear();
    }
    if (!applied.ok()) context.TryCancel();
    const grpc::Status finished = reader->Finish();
    return applied.ok() ? FromGrpcStatus(finished) : applied;
  }

  static constexpr int kShortestWait = 50;
  static constexpr int kLongestWait = 2000;
  const std::string name_;
  const Open open_;
  const Apply apply_;
  const Ended ended_;
  std::atomic<Ticks> behind_since_ = Now().count();
  Mutex mu_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::thread thread_;
};

}  // namespace perennial
