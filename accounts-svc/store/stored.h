#pragma once

// What a store is asked for and what it answers. What accounts themselves are made of is told by model.h.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "accounts-svc/model.h"
#include "common/server/audited_change.h"

namespace perennial::accounts {

enum class AccountOrder { kId, kDisplayName, kCreateTime };

// A page of accounts: those after `after`, in order.
struct AccountQuery {
  AccountOrder order = AccountOrder::kId;
  bool descending = false;
  bool show_deleted = false;
  // Key of the last account of the page before: its value in `order` (as ListKey gives it) and its id. Empty: from the
  // start.
  std::string after_key = {};
  std::string after_id = {};
  int limit = 50;
};

struct MovementQuery {
  std::optional<AccountNo> account = {};  // all when absent
  absl::Time begin = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();
  // Time and account id of the last movement of the page before.
  std::optional<absl::Time> after_time = {};
  std::string after_id = {};
  int limit = 50;  // negative: all
};

struct AccountMovement {
  std::string account_id = {};
  Movement movement;
};

// A place of the feed of ledgers; the movements are in their own table.
struct LedgerRow {
  std::string account_id = {};
  AccountNo account = 0;
  std::int64_t revision = 0;
  bool deleted = false;
};

// An account that is not deleted.
struct LiveAccountId {
  AccountNo no = 0;
  std::string id = {};
};

// What was used of a metric on a UTC day.
struct DayOfUse {
  std::int64_t day = 0;
  double total = 0;
};

// Exchange rates by currency, then time.
struct ExchangeRateQuery {
  std::string currency = {};  // all when empty
  // Only those after this place.
  std::string after_currency = {};
  absl::Time after_time = absl::InfinitePast();
  int limit = 50;
};

// Accounts whose facts are to be computed anew in the background, in small writes: those with a number after `after`.
struct Refresh {
  // Those with a subscription in this currency that is counted at a rate from `begin` until before `end`; empty: all.
  std::string currency = {};
  absl::Time begin = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();
  AccountNo after = 0;
  // Tells it from what it became when more was added.
  std::int64_t generation = 1;

  bool operator==(const Refresh&) const = default;
};

// An account below another.
struct ChildAccount {
  AccountNo no = 0;
  std::string id = {};
  std::string display_name = {};

  bool operator==(const ChildAccount&) const = default;
};

// A row of the feed: the newest facts of an account.
struct FeedRow {
  std::string account_id = {};
  std::int64_t revision = 0;
  bool deleted = false;
  absl::Time as_of;
  // Serialized PackedFacts without account, revision and as_of.
  std::string payload = {};
  // See use_state_codec.h; empty when none is kept. ListFeed() leaves it out.
  std::string use_state = {};
};

// Facts of a live account and the state of use that belongs to them.
struct KeptFacts {
  AccountNo no = 0;
  std::string account_id = {};
  std::string payload = {};
  std::string use_state = {};
};

enum class RecordKind { kTicket = 1, kTouchpoint, kSurvey, kMilestone, kChurnReport };

// A record other than usage.
struct StoredRecord {
  RecordKind kind = RecordKind::kTicket;
  std::string record_id = {};
  absl::Time time = {};
  absl::Time update_time = {};
  // Serialized perennial.accounts.v1.Record.
  std::string payload = {};
  // All that is left of it is that its id is taken.
  bool deleted = false;
};

// A correction or deletion of a record.
struct RecordChange {
  std::int64_t no = 0;  // counts the account's changes
  int kind = 0;         // perennial.accounts.v1.RecordKind
  std::string record_id = {};
  absl::Time time;
  std::string reason = {};
  std::string author = {};
  // Serialized perennial.accounts.v1.Record; nothing after a deletion.
  std::string before = {};
  std::optional<std::string> after = {};

  bool operator==(const RecordChange&) const = default;
};

// What people keep about an account by id, every version with its time.
enum class CareKind { kContact, kGoal };

// A contact or goal as it stands, or stood in some version.
struct CareRecord {
  std::string id = {};
  // Serialized perennial.accounts.v1.Contact or Goal: client fields and, of a goal, achieve_time.
  std::string payload = {};
  absl::Time create_time;
  absl::Time update_time;
  std::optional<absl::Time> delete_time = {};
  // Since when this version holds: not before the one before it.
  absl::Time effective;
  std::int64_t version = 1;

  bool operator==(const CareRecord&) const = default;
};

// What is left of an account that was purged.
struct PurgedAccount {
  AccountNo account = 0;
  // In the feed of facts.
  std::int64_t revision = 0;
};

// A mutation that was carried out under the id that its client gave it.
struct CarriedOut {
  std::string request_id = {};
  std::string method = {};
  // SHA-256 of what was asked for.
  std::string fingerprint = {};
  absl::Time create_time;

  bool operator==(const CarriedOut&) const = default;
};

enum class TaskState { kOpen = 1, kDone, kCancelled };

struct TaskRecord {
  AccountNo account = 0;
  std::string account_id = {};
  std::string id = {};
  // Serialized perennial.accounts.v1.Task: client fields and complete_time.
  std::string payload = {};
  std::string assignee = {};
  TaskState state = TaskState::kOpen;
  std::optional<absl::Time> due = {};
  // Its place in the timeline.
  absl::Time entry_time;
  absl::Time create_time;
  absl::Time update_time;
  std::int64_t version = 1;
  std::int64_t revision = 0;  // in the feed of tasks
  std::optional<absl::Time> account_delete_time = {};

  bool operator==(const TaskRecord&) const = default;
};

// Tasks of live accounts by due time, account id and id; those without a due time last.
struct TaskQuery {
  std::optional<AccountNo> account = {};  // all when absent
  std::optional<std::string> assignee = {};
  std::optional<TaskState> state = {};
  std::optional<absl::Time> due_begin = {};  // either bound leaves out tasks without a due time
  std::optional<absl::Time> due_end = {};
  // The last task of the page before: its due time, account and id. Without an id: from the start.
  std::optional<absl::Time> after_due = {};
  std::string after_account = {};
  std::string after_id = {};
  int limit = 50;
};

// Records or tasks of an account by time, newest first.
struct TimelineQuery {
  AccountNo account = 0;
  std::set<RecordKind> kinds = {};  // of records
  absl::Time begin = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();  // exclusive
  // Only those that come after this place: an earlier time, or the same and a smaller kind (records) or id.
  std::optional<absl::Time> after_time = {};
  int after_kind = 0;
  std::string after_id = {};
  int limit = 50;
};

// Entries of the audit trail, newest first.
struct AuditQuery {
  std::string resource = {};  // and those beneath it; empty: all
  std::string caller = {};
  absl::Time begin = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();  // exclusive
  // The last entry of the page before.
  std::optional<absl::Time> before_time = {};
  std::string before_id = {};
  int limit = 50;
};

}  // namespace perennial::accounts
