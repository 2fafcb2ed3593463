#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "segment-svc/memberships.h"
#include "segment-svc/segment_engine.h"
#include "segment-svc/segments.h"
#include "segment-svc/sqlite_segment_store.h"
#include "tests/segments/feed_models.h"

namespace perennial::segments::testing {

// A clock that a test sets. Safe to use from many threads.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override { return absl::FromUnixMicros(micros_); }
  void Set(absl::Time now) { micros_ = absl::ToUnixMicros(now); }
  void Advance(absl::Duration by) { Set(Now() + by); }

 private:
  std::atomic<std::int64_t> micros_ = absl::ToUnixMicros(TestTime());
};

// A folder that is gone after the test.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A store whose writes fail while it is told so.
class FlakyStore final : public SegmentStore {
 public:
  explicit FlakyStore(std::unique_ptr<SegmentStore> store) : store_(std::move(store)) {}
  bool failing = false;
  // Of the writes that come next, so many succeed and the one after them fails; never when negative.
  int writes_until_failure = -1;

  absl::StatusOr<StoredState> Load() override { return store_->Load(); }
  absl::Status LoadMembers(const std::function<void(std::int64_t, absl::string_view)>& visit) override {
    return store_->LoadMembers(visit);
  }
  absl::StatusOr<std::int64_t> Write(const StoreWrite& write) override {
    if (failing || writes_until_failure-- == 0) return absl::ResourceExhaustedError("disk is full");
    return store_->Write(write);
  }
  absl::StatusOr<std::string> FeedId() override { return store_->FeedId(); }
  absl::StatusOr<bool> IsPurged(absl::string_view account_id, std::int64_t facts_revision) override {
    return store_->IsPurged(account_id, facts_revision);
  }
  absl::Status Purge(absl::string_view account_id, std::int64_t facts_revision) override {
    if (failing) return absl::ResourceExhaustedError("disk is full");
    return store_->Purge(account_id, facts_revision);
  }
  absl::StatusOr<std::vector<EventRecord>> Events(std::int64_t after, std::int64_t up_to,
                                                  absl::string_view segment_id) override {
    return store_->Events(after, up_to, segment_id);
  }
  absl::StatusOr<std::vector<StayRecord>> Members(std::int64_t segment_uid, absl::string_view after_account,
                                                  int limit) override {
    return store_->Members(segment_uid, after_account, limit);
  }
  absl::StatusOr<std::vector<StayRecord>> Stays(absl::string_view account_id, bool show_left,
                                                absl::string_view after_segment, std::int64_t after_enter_revision,
                                                int limit) override {
    return store_->Stays(account_id, show_left, after_segment, after_enter_revision, limit);
  }
  absl::Status LoadDecisions(const std::function<void(std::int64_t, absl::string_view, bool)>& visit) override {
    return store_->LoadDecisions(visit);
  }
  absl::StatusOr<std::vector<DecisionRecord>> Decisions(std::int64_t segment_uid, absl::string_view after_account,
                                                        int limit) override {
    return store_->Decisions(segment_uid, after_account, limit);
  }
  absl::StatusOr<std::vector<DecisionRecord>> DecisionsAbout(std::int64_t segment_uid,
                                                             const std::vector<std::string>& account_ids) override {
    return store_->DecisionsAbout(segment_uid, account_ids);
  }
  absl::StatusOr<std::vector<DefinitionRecord>> Definitions(std::int64_t segment_uid, std::int64_t before,
                                                            int limit) override {
    return store_->Definitions(segment_uid, before, limit);
  }

 private:
  const std::unique_ptr<SegmentStore> store_;
};

using Members = std::set<std::string>;                      // account ids
using MembersBySegment = std::map<std::string, Members>;    // by segment id

// An engine over feeds that the test writes, without gRPC.
class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { Restart(); }

  // Opens everything anew over the same folder, as after a crash, with nothing of the feeds applied.
  void Restart(const std::vector<SegmentRecord>& shipped = {});
  // Applies what is new in the feeds; scores and values count as computed from all facts.
  void Sync();
  absl::Status SyncFacts() { return engine->Apply(accounts.Since(engine->facts_resume())); }
  absl::Status SyncScores();
  absl::Status SyncValues();

  v1::CreateSegmentRequest CreateRequest(const std::string& id, const std::string& filter);
  // Creates a segment, which must succeed.
  v1::Segment Create(const std::string& id, const std::string& filter);
  absl::StatusOr<v1::UpdateSegmentResponse> SetFilter(const std::string& id, const std::string& filter);
  absl::Status Delete(const std::string& id);

  [[nodiscard]] Members MembersOf(const std::string& id);
  [[nodiscard]] MembersBySegment AllMembers();
  [[nodiscard]] std::vector<EventRecord> Events(std::int64_t after = 0);
  // What the events give when applied in order to nothing; fails the test where one does not fit.
  [[nodiscard]] MembersBySegment Replayed();

  TempFolder folder;
  ManualClock clock;
  AccountsFeed accounts;
  ScoresFeed scores;
  ValuesFeed values;
  std::unique_ptr<FlakyStore> store;
  std::unique_ptr<SegmentEngine> engine;
  std::unique_ptr<Segments> segments;
};

}  // namespace perennial::segments::testing
