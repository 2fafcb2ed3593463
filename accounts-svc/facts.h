#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/facts_export.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/fact_service.pb.h"

namespace perennial::accounts {

// One reader of the feed: where it stands. Not thread-safe.
class FactsCursor {
 public:
  // `feed_id` is what the reader knows the feed by; it may be empty.
  FactsCursor(Store& store, const Clock& clock, std::string feed_id, std::int64_t start_revision,
              std::uint64_t shard_index, std::uint64_t shard_count)
      : store_(store),
        clock_(clock),
        feed_id_(std::move(feed_id)),
        revision_(start_revision),
        shard_index_(shard_index),
        shard_count_(shard_count) {}

  // What comes next, or nothing: caught up. OUT_OF_RANGE when the feed never gave out the revision that it started from,
  // or is another one than the reader knows.
  absl::StatusOr<std::optional<v1::WatchFactsResponse>> Next();

 private:
  Store& store_;
  const Clock& clock_;
  const std::string feed_id_;
  std::int64_t revision_;
  const std::uint64_t shard_index_;
  const std::uint64_t shard_count_;
  facts::FactId announced_ = 0;
  // Revision of the last message that said "caught up"; -1 before the first.
  std::int64_t caught_up_at_ = -1;
};

// Gives the feed of this store an identity if it has none. A backup that is restored gets another one, so that readers whose
// revisions are of the feed before it notice.
absl::Status EnsureFeedId(Store& store);

// The identity of the feeds of this store. OUT_OF_RANGE when it is not `known`, unless that is empty.
absl::StatusOr<std::string> CheckFeedId(ReadTransaction& transaction, absl::string_view known);

// OUT_OF_RANGE with reason FUTURE_REVISION when a feed whose newest revision is `last` never gave out `start_revision`.
absl::Status CheckGivenOut(std::int64_t start_revision, std::int64_t last);

// The rules of FactService. Thread-safe.
class Facts {
 public:
  // All must outlive this.
  Facts(Store& store, FactNumbering& numbering, const Clock& clock)
      : store_(store), numbering_(numbering), clock_(clock) {}

  absl::StatusOr<v1::GetFactsResponse> Get(const v1::GetFactsRequest& request);
  // Checks the request and returns where its reader starts.
  absl::StatusOr<std::unique_ptr<FactsCursor>> Watch(const v1::WatchFactsRequest& request);
  absl::StatusOr<std::unique_ptr<FactsExport>> Export(const v1::ExportFactsRequest& request);
  absl::StatusOr<v1::ListFactDefinitionsResponse> ListDefinitions(const v1::ListFactDefinitionsRequest& request);
  absl::StatusOr<v1::ValidateFilterResponse> ValidateFilter(const v1::ValidateFilterRequest& request);

 private:
  Store& store_;
  FactNumbering& numbering_;
  const Clock& clock_;
};

}  // namespace perennial::accounts
