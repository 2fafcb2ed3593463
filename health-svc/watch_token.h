#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"

namespace perennial::health {

// Where a reader stands in the feed of one replica.
struct WatchPlace {
  std::string feed_id = {};  // empty: not known
  std::int64_t revision = 0;

  bool operator==(const WatchPlace&) const = default;
};

// The progress_token of places by replica. `method` is the one that gives it out.
std::string MakeWatchToken(absl::string_view method, const std::vector<WatchPlace>& places);

// The places of a token, `count` of them. INVALID_ARGUMENT naming start_token for text that is none of this method's,
// OUT_OF_RANGE when there were more or fewer replicas then.
absl::StatusOr<std::vector<WatchPlace>> ReadWatchToken(absl::string_view method, absl::string_view token, int count);

// OUT_OF_RANGE: a revision of one replica says nothing of those of the others.
absl::Status RevisionOfOneReplica();

// Where a request of a watch method begins, by replica: at its token, at its revision, or at the start.
template <class Request>
absl::StatusOr<std::vector<WatchPlace>> PlacesOf(const Request& request, absl::string_view method, int count) {
  const bool by_revision = request.start_revision() != 0 || !request.feed_id().empty();
  if (!request.start_token().empty()) {
    if (by_revision) return BadField("start_token", "must be absent beside start_revision and feed_id");
    return ReadWatchToken(method, request.start_token(), count);
  }
  if (request.start_revision() < 0) return BadField("start_revision", "must not be negative");
  if (count == 1) return std::vector<WatchPlace>{{.feed_id = request.feed_id(), .revision = request.start_revision()}};
  if (by_revision) return RevisionOfOneReplica();
  return std::vector<WatchPlace>(static_cast<std::size_t>(count));
}

// Ends a watch with an error.
template <class Response>
grpc::ServerWriteReactor<Response>* RefuseWatch(WatchHub& hub, WorkerPool& pool, absl::Status status) {
  return WatchStream<Response>::Start(
      hub, pool, [status = std::move(status)]() -> absl::StatusOr<std::optional<Response>> { return status; });
}

// Serves a watch method from the feed that `make_feed(place)` makes, with tokens.
template <class Response, class Request, class MakeFeed>
grpc::ServerWriteReactor<Response>* WatchFeed(WatchHub& hub, WorkerPool& pool, const Request& request,
                                              const char* method, MakeFeed make_feed) {
  auto places = PlacesOf(request, method, 1);
  if (!places.ok()) return RefuseWatch<Response>(hub, pool, places.status());
  const auto feed = make_feed(places->front());
  return WatchStream<Response>::Start(
      hub, pool, [feed, method, place = WatchPlace()]() mutable -> absl::StatusOr<std::optional<Response>> {
        absl::StatusOr<std::optional<Response>> next = feed->Next();
        if (!next.ok() || !next->has_value()) return next;
        if (!(*next)->feed_id().empty()) place.feed_id = (*next)->feed_id();
        place.revision = (*next)->progress_revision();
        (*next)->set_progress_token(MakeWatchToken(method, {place}));
        return next;
      });
}

}  // namespace perennial::health
