// SegmentEngine::Open(): what is stored, and the segments that are shipped.
#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status_macros.h"
#include "segment-svc/segment_engine.h"

namespace perennial::segments {

absl::StatusOr<std::unique_ptr<SegmentEngine>> SegmentEngine::Open(SegmentStore& store, const Clock& clock,
                                                                   const std::vector<SegmentRecord>& shipped,
                                                                   Published published) {
  std::unique_ptr<SegmentEngine> engine(new SegmentEngine(store, clock, std::move(published)));
  PERENNIAL_RETURN_IF_ERROR(engine->Load(shipped));
  return engine;
}

absl::StatusOr<StoreWrite> SegmentEngine::NewShipped(const StoredState& stored,
                                                     const std::vector<SegmentRecord>& shipped) {
  StoreWrite write;
  std::set<std::string> taken(stored.shipped.begin(), stored.shipped.end());
  const absl::Time now = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()));
  std::set<std::string> ids;
  for (const SegmentRecord& segment : stored.segments) ids.insert(segment.id);
  std::int64_t uid = stored.greatest_uid;
  for (const SegmentRecord& segment : shipped) {
    if (!taken.insert(segment.id).second) continue;
    write.shipped.push_back(segment.id);
    // Somebody's own segment of that name stays.
    if (ids.contains(segment.id)) continue;
    SegmentRecord record = segment;
    record.uid = ++uid;
    record.create_time = record.update_time = now;
    write.created.push_back(std::move(record));
  }
  return write;
}

absl::Status SegmentEngine::Load(const std::vector<SegmentRecord>& shipped) {
  const MutexLock write_lock(write_mu_);
  PERENNIAL_ASSIGN_OR_RETURN(StoredState stored, store_.Load());
  PERENNIAL_ASSIGN_OR_RETURN(const StoreWrite write, NewShipped(stored, shipped));
  if (!write.empty()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Write(write).status());
    PERENNIAL_ASSIGN_OR_RETURN(stored, store_.Load());
  }
  const WriteLock state_lock(state_mu_);
  facts_.TrackChanges(false);
  PERENNIAL_RETURN_IF_ERROR(facts_.health().KnowFacts(stored.health_facts));
  greatest_uid_ = stored.greatest_uid;
  event_revision_ = stored.event_revision;
  stored_progress_ = stored.progress;
  facts_revision_ = stored.progress.Complete();
  for (SegmentRecord& record : stored.segments) {
    evaluator_.Put({.uid = record.uid,
                    .id = record.id,
                    .references = record.references,
                    .filter = std::nullopt,
                    .is_static = record.is_static});
    PublishedSegment& segment = segments_[record.id];
    segment.record = std::move(record);
    by_uid_[segment.record.uid] = &segment;
  }
  PERENNIAL_RETURN_IF_ERROR(
      store_.LoadDecisions([&](std::int64_t uid, absl::string_view account, bool included) {
        const auto segment = by_uid_.find(uid);
        if (segment == by_uid_.end()) return;
        evaluator_.SetDecision(segment->second->record.id, facts_.Remember(account), included);
      }));
  return LoadMembers();
}

absl::Status SegmentEngine::LoadMembers() {
  // They come segment by segment.
  std::int64_t of = 0;
  PublishedSegment* segment = nullptr;
  std::vector<facts::RowId> rows;
  const auto add = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (segment == nullptr) return;
    std::sort(rows.begin(), rows.end());
    segment->members.addMany(rows.size(), rows.data());
    evaluator_.SetMembers(segment->record.id, rows);
    rows.clear();
  };
  PERENNIAL_RETURN_IF_ERROR(
      store_.LoadMembers([&](std::int64_t uid, absl::string_view account) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        if (uid != of) {
          add();
          of = uid;
          const auto found = by_uid_.find(uid);
          segment = found == by_uid_.end() ? nullptr : found->second;
        }
        if (segment != nullptr) rows.push_back(facts_.Remember(account));
      }));
  add();
  return absl::OkStatus();
}

}  // namespace perennial::segments
