#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "segment-svc/engagement_store.h"
#include "segment-svc/fair_shared_mutex.h"

namespace perennial::segments {

// The engagement state, in memory and stored: changes are on disk before anybody sees them. Safe to use from many
// threads. Taken after the locks of SegmentEngine, never before.
class EngagementBook {
 public:
  // Loads what is stored, and creates those of `shipped` (complete models) that were never created before. Both
  // references must outlive this.
  static absl::StatusOr<std::unique_ptr<EngagementBook>> Open(EngagementStore& store, const Clock& clock,
                                                              const std::vector<v1::EngagementModel>& shipped);

  // Runs `body(const EngagementState&)` while nothing changes, and returns what it returns.
  template <class Body>
  auto Read(Body body) const {
    const ReadLock lock(mu_);
    return body(static_cast<const EngagementState&>(state_));
  }

  // Runs `body(Editor&)`, which returns a status or a StatusOr, while nothing else reads or changes.
  class Editor {
   public:
    [[nodiscard]] const EngagementState& state() const { return book_.state_; }
    // To the microsecond.
    [[nodiscard]] absl::Time now() const { return absl::FromUnixMicros(absl::ToUnixMicros(book_.clock_.Now())); }
    // Put in place of the one of the same name, if there is one.
    absl::Status Put(const v1::EngagementModel& model);
    absl::Status Put(const v1::Manager& manager);
    absl::Status DeleteModel(const std::string& id);
    // Also what is assigned to them.
    absl::Status DeleteManager(const std::string& id);
    absl::Status Assign(const std::vector<AssignmentRecord>& assignments, const std::string& author);
    // Erases who an account is assigned to.
    absl::Status Forget(const std::string& account_id);

   private:
    friend class EngagementBook;
    explicit Editor(EngagementBook& book) : book_(book) {}
    EngagementBook& book_;
  };
  template <class Body>
  auto Edit(Body body) {
    const WriteLock lock(mu_);
    Editor editor(*this);
    return body(editor);
  }

  // Models whose filter calls a segment, for people.
  [[nodiscard]] std::vector<std::string> UsersOf(const std::string& segment_id) const;

 private:
  EngagementBook(EngagementStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  EngagementStore& store_;
  const Clock& clock_;
  mutable FairSharedMutex mu_;
  EngagementState state_;  // guarded by mu_
};

}  // namespace perennial::segments
