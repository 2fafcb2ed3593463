#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "common/base/mutex.h"

namespace perennial::cli {

// Ends streams from another thread. Thread-safe.
class StopToken {
 public:
  // Cancels every stream that is open or will be opened.
  void Stop();
  [[nodiscard]] bool stopped() const;
  // Waits; true when stopped before `time` passed.
  bool WaitFor(absl::Duration time);

 private:
  friend class StreamScope;
  mutable Mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> open_ ABSL_GUARDED_BY(mutex_);
};

// Lets a StopToken cancel a call while this lives.
class StreamScope {
 public:
  StreamScope(StopToken& stop, grpc::ClientContext& context);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  StopToken& stop_;
  grpc::ClientContext& context_;
};

// How a stream is followed.
template <class Response>
struct Following {
  // Opens it for everything after a revision.
  std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*, std::int64_t revision)> open;
  // Takes a message.
  std::function<void(const Response&)> take;
  // The server no longer knows the revision (its data was replaced): the stream begins anew.
  std::function<void()> reset;
  // It broke off and will be resumed.
  std::function<void(const absl::Status&)> interrupted;
  // Completes "cannot <what>: ...".
  std::string what;
};

// Reads a stream until `stop`, then returns OK. Once a message has come, a stream that ends or breaks off with
// UNAVAILABLE or RESOURCE_EXHAUSTED is resumed from its last place for as long as it takes; before, and after any other error,
// that is returned.
template <class Response>
absl::Status Follow(const Client& client, StopToken& stop, const Following<Response>& following) {
  constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
  constexpr absl::Duration kLongestPause = absl::Seconds(5);
  std::int64_t revision = 0;
  bool has_answered = false;
  bool has_place = false;  // of the feed that it follows now
  for (absl::Duration pause = kFirstPause; !stop.stopped();) {
    grpc::Status status;
    {
      grpc::ClientContext context;
      const StreamScope scope(stop, context);
      const auto reader = following.open(&context, revision);
      Response response;
      while (reader->Read(&response)) {
        has_answered = true;
        has_place = true;
        pause = kFirstPause;
        following.take(response);
        revision = std::max(revision, static_cast<std::int64_t>(response.progress_revision()));
      }
      status = reader->Finish();
    }
    if (stop.stopped()) break;
    if (status.error_code() == grpc::StatusCode::OUT_OF_RANGE && has_place) {
      following.reset();
      revision = 0;
      has_place = false;
      continue;
    }
    // The last is what a reader hears that slept, in a pager for example.
    const bool resumes = status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    if (!resumes || !has_answered) {
      if (!status.ok()) return client.Explain(status, following.what);
      has_answered = true;
    }
    following.interrupted(status.ok() ? absl::UnavailableError("the server ended the stream")
                                      : client.Explain(status, following.what));
    if (stop.WaitFor(pause)) break;
    pause = std::min(pause * 2, kLongestPause);
  }
  return absl::OkStatus();
}

}  // namespace perennial::cli
