#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "segment-svc/segment_records.h"

namespace perennial::segments {

// An account enters or leaves a segment. The account's text must live until the write is done.
struct MembershipChange {
  std::int64_t segment_uid = 0;
  absl::string_view account_id;
  bool entered = false;
  absl::Time time;
  Cause cause = Cause::kData;
};

// What is decided by hand about an account and a segment.
struct DecisionChange {
  std::int64_t segment_uid = 0;
  std::string account_id;
  // Nothing: what was decided is forgotten.
  std::optional<bool> included;
  std::string author;
  absl::Time time;
};

// What one transaction stores: all of it or nothing.
struct StoreWrite {
  std::vector<SegmentRecord> created;
  // Matched by uid. A greater definition_revision than the stored one adds to the history of definitions.
  std::vector<SegmentRecord> updated;
  // Uids. Decisions about a deleted segment go with it; its stays and events are kept, and its open stays must end in
  // `changes`.
  std::vector<std::int64_t> deleted;
  // Ids of shipped segments that are never to be created again.
  std::vector<std::string> shipped;
  // Names of facts that come from health-svc and have been seen.
  std::vector<std::string> health_facts;
  std::vector<DecisionChange> decisions;
  // Become events in this order.
  std::vector<MembershipChange> changes;
  std::optional<Progress> progress;

  [[nodiscard]] bool empty() const {
    return created.empty() && updated.empty() && deleted.empty() && shipped.empty() && health_facts.empty() &&
           changes.empty() && decisions.empty() && !progress.has_value();
  }
};

// Everything that is loaded at start but the members.
struct StoredState {
  std::vector<SegmentRecord> segments;  // not deleted, by id
  std::vector<std::string> shipped;
  std::vector<std::string> health_facts;
  std::int64_t greatest_uid = 0;  // ever stored, also of deleted segments
  std::int64_t event_revision = 0;  // of the last event; 0 when there was none
  Progress progress;
};

// Keeps segments, the history of their definitions, and who was in them when. Write() is for one thread at a time;
// everything else may be called from any thread at any time and sees what has been written before.
//
// Errors of every method: UNAVAILABLE (try again), RESOURCE_EXHAUSTED (disk full), DATA_LOSS (damaged), INTERNAL.
class SegmentStore {
 public:
  virtual ~SegmentStore() = default;

  virtual absl::StatusOr<StoredState> Load() = 0;
  // Calls `visit` for each open stay, by segment uid, then account id.
  virtual absl::Status LoadMembers(
      const std::function<void(std::int64_t segment_uid, absl::string_view account_id)>& visit) = 0;

  // Stores all of `write`, durable on return, and returns the revision of the last event there is. A stay never ends
  // before it began: an earlier time is stored as the time it began. ALREADY_EXISTS when a created segment's id is
  // taken; INTERNAL when an account enters that is in, or leaves that is not, or an unknown uid is updated or
  // deleted.
  virtual absl::StatusOr<std::int64_t> Write(const StoreWrite& write) = 0;

  // Whether Purge() was called with this account and revision.
  virtual absl::StatusOr<bool> IsPurged(absl::string_view account_id, std::int64_t facts_revision) = 0;
  // Erases past stays of an account, what was decided about it, and events of both, and notes the revision of the facts feed
  // that told of the purge. A stay that is open stays with the event that began it: it is that of a new account.
  virtual absl::Status Purge(absl::string_view account_id, std::int64_t facts_revision) = 0;

  // Tells the events of this database from those of another with the same revisions; a restored one gets another.
  virtual absl::StatusOr<std::string> FeedId() = 0;
  // Events with after < revision <= up_to, in order; only those of segments with the id `segment_id` (whatever their
  // uid) when it is not empty.
  virtual absl::StatusOr<std::vector<EventRecord>> Events(std::int64_t after, std::int64_t up_to,
                                                          absl::string_view segment_id) = 0;
  // At most `limit` open stays in a segment whose account id is greater than `after_account`, by account id.
  virtual absl::StatusOr<std::vector<StayRecord>> Members(std::int64_t segment_uid, absl::string_view after_account,
                                                          int limit) = 0;
  // At most `limit` stays of an account, by segment id, then enter_revision, after that pair; with `show_left` past
  // ones too, also in segments that were deleted.
  virtual absl::StatusOr<std::vector<StayRecord>> Stays(absl::string_view account_id, bool show_left,
                                                        absl::string_view after_segment,
                                                        std::int64_t after_enter_revision, int limit) = 0;
  // Calls `visit` for each decision, by segment uid, then account id.
  virtual absl::Status LoadDecisions(
      const std::function<void(std::int64_t segment_uid, absl::string_view account_id, bool included)>& visit) = 0;
  // At most `limit` decisions about accounts whose id is greater than `after_account`, by account id.
  virtual absl::StatusOr<std::vector<DecisionRecord>> Decisions(std::int64_t segment_uid,
                                                                absl::string_view after_account, int limit) = 0;
  // Those about the accounts, in their order; of accounts without one, nothing.
  virtual absl::StatusOr<std::vector<DecisionRecord>> DecisionsAbout(std::int64_t segment_uid,
                                                                     const std::vector<std::string>& account_ids) = 0;
  // At most `limit` definitions that a segment has had, newest first, whose revision is less than `before`.
  virtual absl::StatusOr<std::vector<DefinitionRecord>> Definitions(std::int64_t segment_uid, std::int64_t before,
                                                                    int limit) = 0;
};

}  // namespace perennial::segments
