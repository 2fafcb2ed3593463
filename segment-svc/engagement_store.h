#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/storage/sqlite.h"
#include "segment-svc/engagement_state.h"

namespace perennial::segments {

// An account is given to a manager.
struct AssignmentRecord {
  std::string account_id;
  std::string manager_id;
};

// Keeps engagement models, managers and assignments in one SQLite file. Every write is on disk when it returns. For one
// thread at a time.
//
// Errors of every method: UNAVAILABLE (try again), RESOURCE_EXHAUSTED (disk full), DATA_LOSS (damaged), INTERNAL.
class EngagementStore {
 public:
  // Opens or creates the database. FAILED_PRECONDITION with a sentence for people when it cannot be opened or is not
  // ours.
  static absl::StatusOr<std::unique_ptr<EngagementStore>> Open(const std::string& path);

  absl::StatusOr<EngagementState> Load();
  // Ids of shipped models that were created once.
  absl::StatusOr<std::vector<std::string>> Shipped();

  // Stores a model or manager in place of the one of the same name.
  absl::Status Put(const v1::EngagementModel& model);
  absl::Status Put(const v1::Manager& manager);
  absl::Status DeleteModel(const std::string& id);
  // Also what is assigned to them.
  absl::Status DeleteManager(const std::string& id);
  // Stores `models`, and that models of these ids were shipped: all of it or nothing.
  absl::Status PutShipped(const std::vector<v1::EngagementModel>& models, const std::vector<std::string>& ids);
  // All of it or nothing. An account that is assigned already changes hands.
  absl::Status Assign(const std::vector<AssignmentRecord>& assignments, absl::Time time, const std::string& author);
  // Erases who an account is assigned to, out of the log as well.
  absl::Status Forget(const std::string& account_id);

 private:
  explicit EngagementStore(std::unique_ptr<sqlite::Connection> db) : db_(std::move(db)) {}
  absl::Status PutBody(absl::string_view sql, const std::string& id, const std::string& body);
  absl::Status RunWithId(absl::string_view sql, const std::string& id);

  const std::unique_ptr<sqlite::Connection> db_;
};

}  // namespace perennial::segments
