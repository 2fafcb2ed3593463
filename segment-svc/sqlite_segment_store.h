#pragma once

#include <memory>
#include <string>

#include "common/storage/sqlite.h"
#include "segment-svc/segment_store.h"

namespace perennial::segments {

// SegmentStore in one SQLite file. Every write is on disk when it returns.
class SqliteSegmentStore final : public SegmentStore {
 public:
  // Opens or creates the database. FAILED_PRECONDITION with a sentence for people when it cannot be opened or is not
  // ours.
  static absl::StatusOr<std::unique_ptr<SqliteSegmentStore>> Open(const std::string& path);
  // Moves the log into the database file.
  ~SqliteSegmentStore() override;

  absl::StatusOr<StoredState> Load() override;
  absl::Status LoadMembers(const std::function<void(std::int64_t, absl::string_view)>& visit) override;
  absl::StatusOr<std::int64_t> Write(const StoreWrite& write) override;
  absl::StatusOr<bool> IsPurged(absl::string_view account_id, std::int64_t facts_revision) override;
  absl::Status Purge(absl::string_view account_id, std::int64_t facts_revision) override;
  absl::StatusOr<std::string> FeedId() override;
  absl::StatusOr<std::vector<EventRecord>> Events(std::int64_t after, std::int64_t up_to,
                                                  absl::string_view segment_id) override;
  absl::StatusOr<std::vector<StayRecord>> Members(std::int64_t segment_uid, absl::string_view after_account,
                                                  int limit) override;
  absl::StatusOr<std::vector<StayRecord>> Stays(absl::string_view account_id, bool show_left,
                                                absl::string_view after_segment, std::int64_t after_enter_revision,
                                                int limit) override;
  absl::Status LoadDecisions(const std::function<void(std::int64_t, absl::string_view, bool)>& visit) override;
  absl::StatusOr<std::vector<DecisionRecord>> Decisions(std::int64_t segment_uid, absl::string_view after_account,
                                                        int limit) override;
  absl::StatusOr<std::vector<DecisionRecord>> DecisionsAbout(std::int64_t segment_uid,
                                                             const std::vector<std::string>& account_ids) override;
  absl::StatusOr<std::vector<DefinitionRecord>> Definitions(std::int64_t segment_uid, std::int64_t before,
                                                            int limit) override;

 private:
  SqliteSegmentStore(std::unique_ptr<sqlite::Connection> writer, const std::string& path);

  absl::Status WriteSegments(const StoreWrite& write);
  absl::Status InsertDefinition(const SegmentRecord& segment, absl::Time time);
  absl::Status WriteDecisions(const std::vector<DecisionChange>& decisions);
  absl::Status WriteChanges(const std::vector<MembershipChange>& changes, std::int64_t& revision);
  absl::Status Enter(const MembershipChange& change, std::int64_t revision);
  // Ends the open stay; sets `time` to when it ended.
  absl::Status Leave(const MembershipChange& change, std::int64_t revision, absl::Time& time);

  const std::unique_ptr<sqlite::Connection> writer_;
  sqlite::ReaderPool readers_;
};

}  // namespace perennial::segments
