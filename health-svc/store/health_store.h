#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "health-svc/rules/carry.h"
#include "health-svc/rules/flag_timing.h"
#include "perennial/health/v1/flag.pb.h"
#include "perennial/health/v1/health_score.pb.h"

namespace perennial::health {

// The newest score of an account, or the tombstone of a deleted one (without a score).
struct StoredScore {
  std::string account_id;
  std::int64_t revision = 0;
  bool deleted = false;
  v1::HealthScore score = {};
};

// An entry of an account's history.
struct StoredChange {
  std::string account_id;
  v1::HealthScoreChange change = {};
};

// Where a flag rule stands with an account, and what it read when it was last raised.
struct StoredFlag {
  std::string account_id;
  std::string rule;
  FlagStanding standing = {};
  std::vector<v1::FlagCause> causes = {};
  // What a person did to it, see FlagState in portfolio.h.
  v1::FlagState handled = v1::FLAG_STATE_UNSPECIFIED;
  std::optional<absl::Time> snooze_until = {};
  std::vector<v1::FlagTransition> transitions = {};
  // In the feed of flags; 0 for one that was never raised.
  std::int64_t revision = 0;
  // It went with its account or its rule: a tombstone for the feed.
  bool removed = false;
};

// Last known values of an account's carried facts. Which day was looked at last is not kept.
struct StoredCarried {
  std::string account_id;
  CarriedFacts facts = {};
};

// What is written at once, or not at all.
struct HealthBatch {
  // Replace earlier ones of the same account.
  std::vector<StoredScore> scores = {};
  // Appended. An entry that begins at the same time as an earlier one replaces it; one that begins before the account's
  // last (a clock was set back) begins with that instead.
  std::vector<StoredChange> changes = {};
  // Replace earlier ones of the same account and rule.
  std::vector<StoredFlag> flags = {};
  // Accounts whose flags are all forgotten, before `flags` are written.
  std::vector<std::string> unflagged = {};
  // Replace all earlier ones of the same account.
  std::vector<StoredCarried> carried = {};
  // Every fact up to it is reflected in what is stored then.
  std::int64_t facts_revision = 0;

  [[nodiscard]] bool empty() const {
    return scores.empty() && changes.empty() && flags.empty() && unflagged.empty() && carried.empty();
  }
};

// An account that was purged, and the revision of the facts feed that says so.
struct PurgedAccount {
  std::string account_id;
  std::int64_t facts_revision = 0;
};

struct HealthProgress {
  // Made at random when the store was created: tells it from another one with the same revisions.
  std::string generation;
  // The greatest revision ever given to a score.
  std::int64_t revision = 0;
  std::int64_t facts_revision = 0;
  // The greatest revision ever given to a flag.
  std::int64_t flag_revision = 0;
};

struct HistoryQuery {
  std::string account_id;
  // Only what held at or after it.
  std::optional<absl::Time> start = {};
  // Only what began before it.
  std::optional<absl::Time> end = {};
  int limit = 50;
};

// Keeps scores, their history and flags. Times are kept to the microsecond. Safe for many threads.
//
// Errors besides those named: UNAVAILABLE (try again), RESOURCE_EXHAUSTED (disk full), DATA_LOSS, INTERNAL.
class HealthStore {
 public:
  virtual ~HealthStore() = default;

  // OK means that the batch is on disk; then all readers see it. Any error means that none of it is.
  virtual absl::Status Commit(const HealthBatch& batch) = 0;
  // Erases the history, flags and scores of accounts, and everything else about them; the tombstone of a score stays. Does
  // so once for each revision, because a new account may have the id when the feed tells of the purge again.
  virtual absl::Status Purge(const std::vector<PurgedAccount>& accounts) = 0;
  virtual absl::StatusOr<HealthProgress> Progress() = 0;

  // Visit everything, in any order; an error of `visit` ends it and is returned.
  virtual absl::Status VisitScores(const std::function<absl::Status(StoredScore)>& visit) = 0;
  virtual absl::Status VisitFlags(const std::function<absl::Status(StoredFlag)>& visit) = 0;
  virtual absl::Status VisitCarried(const std::function<absl::Status(StoredCarried)>& visit) = 0;
  // The score that held at `time`, of each account that had an entry by then and a known score.
  virtual absl::Status VisitScoresAt(absl::Time time,
                                     const std::function<void(absl::string_view account_id, double score)>& visit) = 0;

  // NOT_FOUND for an account that never had one; a deleted one has its tombstone.
  virtual absl::StatusOr<StoredScore> GetScore(absl::string_view account_id) = 0;
  // Newest first; nothing for an account without history.
  virtual absl::StatusOr<std::vector<v1::HealthScoreChange>> ListHistory(const HistoryQuery& query) = 0;
};

}  // namespace perennial::health
