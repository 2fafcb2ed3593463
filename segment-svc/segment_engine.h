#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "segment-svc/account_facts.h"
#include "segment-svc/fair_shared_mutex.h"
#include "segment-svc/membership_evaluator.h"
#include "segment-svc/segment_store.h"
#include "segment-svc/segment_view.h"

namespace perennial::segments {

// Keeps the membership of every segment in step with facts, scores, definitions and the clock, one change at a time:
// takes the change into the table, evaluates what it touches, stores the moves, and only then shows them to readers.
//
// At start the stored membership is shown; nothing is evaluated until both feeds have been caught up with. Then
// everything is evaluated once against what is stored, so that a restart neither loses nor repeats an event.
//
// Safe to use from many threads: changes wait for each other, readers wait for no change to be stored.
class SegmentEngine {
 public:
  // Called after every change, on the thread that made it and without locks. Must not block.
  using Published = std::function<void()>;

  // Loads what is stored, and creates those of `shipped` that were never created before. Both references must outlive
  // this.
  static absl::StatusOr<std::unique_ptr<SegmentEngine>> Open(SegmentStore& store, const Clock& clock,
                                                             const std::vector<SegmentRecord>& shipped,
                                                             Published published);

  // The feeds. An error means that the message is to be sent again, from the resume position.
  absl::Status Apply(const perennial::accounts::v1::WatchFactsResponse& message);
  absl::Status Apply(const perennial::health::v1::WatchHealthScoresResponse& message, std::size_t feed = 0);
  absl::Status Apply(const perennial::health::v1::WatchValuesResponse& message, std::size_t feed = 0);
  // How many health-svc share the scores, each with a feed of its own. Set before the feeds are followed.
  void SetScoreFeeds(std::size_t count);
  // `opportunities` are those of the rules that are no risks.
  absl::Status KnowFlagRules(const std::vector<std::string>& rule_ids, std::set<std::string> opportunities = {});
  // Called for each account that was purged, when nothing of it is in any segment: erases what others keep of it. With locks
  // held: it must not call the engine. Set before the feeds are followed.
  using OnPurge = std::function<absl::Status(const std::string& account_id)>;
  void SetOnPurge(OnPurge on_purge) { on_purge_ = std::move(on_purge); }
  // Rows of accounts by their ids, for what is kept beside the facts; one that is new is not live until its facts come.
  std::vector<facts::RowId> RowsOf(absl::Span<const std::string> account_ids);
  // Makes the facts resume from the beginning of what may be another feed; accounts that it does not have are deleted once
  // all of it has come.
  void RewindFacts();
  [[nodiscard]] std::string facts_feed_id() const {
    const ReadLock lock(state_mu_);
    return facts_.accounts().feed_id();
  }
  [[nodiscard]] std::string scores_feed_id(std::size_t feed = 0) const {
    const ReadLock lock(state_mu_);
    return facts_.health().feed_id(feed);
  }
  // Makes the scores of a feed resume from the beginning.
  void RewindScores(std::size_t feed = 0);
  // The same of values.
  [[nodiscard]] std::string values_feed_id(std::size_t feed) const {
    const ReadLock lock(state_mu_);
    return facts_.values().feed_id(feed);
  }
  [[nodiscard]] std::int64_t values_resume(std::size_t feed) const {
    const ReadLock lock(state_mu_);
    return facts_.values().revision(feed);
  }
  void RewindValues(std::size_t feed);
  [[nodiscard]] std::int64_t facts_resume() const { return facts_resume_; }
  [[nodiscard]] std::int64_t scores_resume(std::size_t feed = 0) const {
    const ReadLock lock(state_mu_);
    return facts_.health().revision(feed);
  }

  // Re-evaluates what the clock alone can move.
  absl::Status Sweep();

  // Both feeds have been caught up with, and everything that came since is stored.
  [[nodiscard]] bool ready() const { return ready_; }

  // How often accounts have entered (or left) segments for a reason since the start. Any thread, at once.
  [[nodiscard]] std::int64_t membership_changes(Cause cause, bool entered) const {
    return membership_changes_[static_cast<std::size_t>(cause)][entered ? 1 : 0];
  }

  // Runs `body(const SegmentView&)` while nothing changes, and returns what it returns. Must be short.
  template <class Body>
  auto Read(Body body) const {
    const ReadLock lock(state_mu_);
    return body(ViewLocked());
  }

  // One change of a definition at a time. Holds up the feeds for as long as it lives.
  class Editor {
   public:
    // What is stored now.
    [[nodiscard]] const PublishedSegments& segments() const;
    [[nodiscard]] std::vector<std::string> CallersOf(const std::string& id) const;
    // Compiles a filter for the segment `id`. INVALID_ARGUMENT with a sentence that completes "segment.filter ...":
    // also for a call of an unknown segment, and for a cycle, which it names.
    [[nodiscard]] absl::StatusOr<filter::Filter> Compile(const std::string& filter, const std::string& id) const;
    // How the filter of a segment is understood; nothing while it cannot be compiled.
    [[nodiscard]] const std::optional<filter::Filter>& FilterOf(const std::string& id) const;
    // To the microsecond, as times are stored.
    [[nodiscard]] absl::Time now() const;

    // Row of an account that exists; of one that exists or was in a segment.
    [[nodiscard]] std::optional<facts::RowId> FindAccount(absl::string_view id) const;
    [[nodiscard]] std::optional<facts::RowId> FindAnyAccount(absl::string_view id) const;

    // Stores a new segment and returns how many members it has; its uid is set. `filter` is nothing for a static one.
    // With `dry`, only counts.
    absl::StatusOr<std::int64_t> Create(SegmentRecord& record, const std::optional<filter::Filter>& filter, bool dry);
    // Stores a new state of the segment with the same uid, and returns how many members it has. `filter` is the
    // record's when that is another than before, else nothing. With `dry`, only counts.
    absl::StatusOr<std::int64_t> Update(const SegmentRecord& record, const std::optional<filter::Filter>& filter,
                                        bool dry);
    // Stores what is decided by hand about rows of a segment (nothing: the filter decides again).
    struct Decided {
      std::int64_t entered = 0;
      std::int64_t left = 0;
    };
    absl::StatusOr<Decided> Decide(const SegmentRecord& record, const std::vector<facts::RowId>& rows,
                                   std::optional<bool> included, const std::string& author);
    // Deletes the segment; its members leave.
    absl::Status Delete(const SegmentRecord& record);

   private:
    friend class SegmentEngine;
    explicit Editor(SegmentEngine& engine) : engine_(engine), lock_(engine.write_mu_) {}
    SegmentEngine& engine_;
    MutexLock lock_;
  };
  // Runs `body(Editor&)`, which returns a status or a StatusOr. UNAVAILABLE before the engine is ready.
  template <class Body>
  auto Edit(Body body) -> decltype(body(std::declval<Editor&>())) {
    if (!ready_) return NotReadyStatus();
    auto result = [&] {
      Editor editor(*this);
      return body(editor);
    }();
    published_();
    return result;
  }

 private:
  // Puts a cause and a time on a move.
  struct Attribution {
    Cause cause = Cause::kData;
    // Moves of other segments have the cause kData then.
    std::optional<std::int64_t> only_segment = std::nullopt;
    // The moment of the facts instead of that of the clock.
    bool time_of_facts = false;
  };

  struct Purge {
    std::string account_id;
    std::int64_t facts_revision = 0;
  };

  SegmentEngine(SegmentStore& store, const Clock& clock, Published published);
  absl::Status Load(const std::vector<SegmentRecord>& shipped);
  // Erases what is kept of accounts that were purged; tried again later when that fails.
  void CarryOutPurges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::Status CarryOut(const Purge& purge) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::Status LoadMembers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_, state_mu_);
  absl::StatusOr<StoreWrite> NewShipped(const StoredState& stored, const std::vector<SegmentRecord>& shipped);

  // `apply()` takes a message into the table, with both locks held.
  template <class Change>
  absl::Status ApplyMessage(Change apply);
  // Compiles filters that could not be compiled before; ids of those that can be now.
  std::vector<std::string> CompilePending(StoreWrite& write) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // Takes that back, to be compiled again.
  void ForgetCompiled(const std::vector<std::string>& ids) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::Status EvaluateAndStore(const std::vector<AppliedRow>& rows, std::vector<std::string> whole,
                                const Attribution& attribution) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // Stores `write` with `moves` added, then shows both to readers. On an error nothing is stored or shown, and the
  // moves are undone. Progress is what has come of the feeds, unless `write` has another.
  absl::Status Store(StoreWrite write, absl::Span<const Move> moves, const Attribution& attribution)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // The same in several transactions, `write` in the first. On an error what came before is stored and shown.
  absl::Status StoreInParts(StoreWrite write, absl::Span<const Move> moves, const Attribution& attribution)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  void Publish(const StoreWrite& write, absl::Span<const Move> moves, std::int64_t event_revision,
               const Progress& progress)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // Whether the feeds are far enough for the first evaluation.
  [[nodiscard]] bool CaughtUp() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // Whether a segment may read what accounts are worth.
  [[nodiscard]] bool ReadsValues() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  [[nodiscard]] Progress ProgressNow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  [[nodiscard]] SegmentView ViewLocked() const ABSL_SHARED_LOCKS_REQUIRED(state_mu_);

  SegmentStore& store_;
  const Clock& clock_;
  const Published published_;
  OnPurge on_purge_;
  std::atomic<bool> ready_ = false;
  std::atomic<std::int64_t> facts_resume_ = 0;
  std::array<std::array<std::atomic<std::int64_t>, 2>, 5> membership_changes_ = {};  // by cause

  // Held by whoever makes a change, from taking it in to showing it.
  Mutex write_mu_;
  std::int64_t greatest_uid_ ABSL_GUARDED_BY(write_mu_) = 0;
  Progress stored_progress_ ABSL_GUARDED_BY(write_mu_);
  std::vector<Purge> purges_ ABSL_GUARDED_BY(write_mu_);  // to be carried out
  bool started_ ABSL_GUARDED_BY(write_mu_) = false;
  // The membership is behind the table, because a message or a write failed: evaluate everything next time.
  bool stale_ ABSL_GUARDED_BY(write_mu_) = false;
  std::size_t compiled_with_ ABSL_GUARDED_BY(write_mu_) = 0;  // size of the catalogue then

  // Changed with both locks held, so that either is enough for reading.
  mutable FairSharedMutex state_mu_ ABSL_ACQUIRED_AFTER(write_mu_);
  AccountFacts facts_;
  PublishedSegments segments_;
  absl::flat_hash_map<std::int64_t, PublishedSegment*> by_uid_;  // into segments_
  std::int64_t event_revision_ = 0;
  std::int64_t facts_revision_ = 0;
  std::int64_t facts_feeds_ = 0;
  MembershipEvaluator evaluator_{facts_.table()};  // needs write_mu_ alone
};

}  // namespace perennial::segments
