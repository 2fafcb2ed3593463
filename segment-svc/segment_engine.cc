#include "segment-svc/segment_engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace perennial::segments {
namespace {

// What one transaction stores at most of moves that need not be stored together.
constexpr std::size_t kMovesAtOnce = 20'000;

}  // namespace

absl::Status NotReadyStatus() {
  const absl::Status status = absl::UnavailableError("facts or scores have not all arrived yet; retry");
  return WithRetryAfter(WithReason(status, "NOT_READY"), 500);
}

SegmentEngine::SegmentEngine(SegmentStore& store, const Clock& clock, Published published)
    : store_(store), clock_(clock), published_(std::move(published)) {}

absl::Status SegmentEngine::Apply(const perennial::accounts::v1::WatchFactsResponse& message) {
  {
    const MutexLock write_lock(write_mu_);
    for (const auto& row : message.rows()) {
      if (row.purged()) purges_.push_back({.account_id = row.account_id(), .facts_revision = row.revision()});
    }
  }
  return ApplyMessage([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return facts_.Apply(message); });
}

absl::Status SegmentEngine::Apply(const perennial::health::v1::WatchHealthScoresResponse& message, std::size_t feed) {
  return ApplyMessage([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return facts_.Apply(message, feed); });
}

absl::Status SegmentEngine::Apply(const perennial::health::v1::WatchValuesResponse& message, std::size_t feed) {
  return ApplyMessage([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return facts_.Apply(message, feed); });
}

void SegmentEngine::SetScoreFeeds(std::size_t count) {
  const MutexLock write_lock(write_mu_);
  const WriteLock state_lock(state_mu_);
  facts_.health().SetFeeds(count);
  facts_.values().SetFeeds(count);
}

absl::Status SegmentEngine::KnowFlagRules(const std::vector<std::string>& rule_ids, std::set<std::string> opportunities) {
  const MutexLock write_lock(write_mu_);
  const WriteLock state_lock(state_mu_);
  facts_.health().KnowOpportunities(std::move(opportunities));
  return facts_.health().KnowRules(rule_ids);
}

std::vector<facts::RowId> SegmentEngine::RowsOf(absl::Span<const std::string> account_ids) {
  std::vector<facts::RowId> rows(account_ids.size());
  std::vector<std::size_t> unknown;
  {
    const ReadLock lock(state_mu_);
    for (std::size_t i = 0; i < account_ids.size(); ++i) {
      if (const auto row = facts_.table().FindAny(account_ids[i])) {
        rows[i] = *row;
      } else {
        unknown.push_back(i);
      }
    }
  }
  if (unknown.empty()) return rows;
  const MutexLock write_lock(write_mu_);
  const WriteLock state_lock(state_mu_);
  for (const std::size_t i : unknown) rows[i] = facts_.Remember(account_ids[i]);
  return rows;
}

void SegmentEngine::RewindFacts() {
  {
    const MutexLock write_lock(write_mu_);
    const WriteLock state_lock(state_mu_);
    facts_.RewindAccounts();
    facts_resume_ = 0;
    // Revisions of another feed say nothing about this one's.
    stored_progress_ = {};
    facts_revision_ = 0;
    ++facts_feeds_;
  }
  published_();
}

void SegmentEngine::RewindScores(std::size_t feed) {
  const MutexLock write_lock(write_mu_);
  const WriteLock state_lock(state_mu_);
  facts_.health().Rewind(feed);
}

void SegmentEngine::RewindValues(std::size_t feed) {
  const MutexLock write_lock(write_mu_);
  const WriteLock state_lock(state_mu_);
  facts_.values().Rewind(feed);
}

template <class Change>
absl::Status SegmentEngine::ApplyMessage(Change apply) {
  absl::Status status;
  {
    const MutexLock write_lock(write_mu_);
    absl::StatusOr<std::vector<AppliedRow>> rows;
    {
      const WriteLock state_lock(state_mu_);
      rows = apply();
      facts_resume_ = facts_.accounts().revision();
    }
    if (!rows.ok()) {
      // Rows before the bad one are in the table already, and nobody says which.
      stale_ = true;
      ready_ = false;
      return rows.status();
    }
    status = EvaluateAndStore(*rows, {}, {.cause = Cause::kData, .time_of_facts = true});
    CarryOutPurges();
  }
  published_();
  return status;
}

absl::Status SegmentEngine::Sweep() {
  absl::Status status;
  {
    const MutexLock write_lock(write_mu_);
    if (!started_) return absl::OkStatus();
    status = EvaluateAndStore({}, evaluator_.ReadingTheClock(), {.cause = Cause::kTime});
    CarryOutPurges();
  }
  published_();
  return status;
}

void SegmentEngine::CarryOutPurges() {
  // Only then has the account left what it was in.
  if (!started_ || stale_) return;
  while (!purges_.empty()) {
    if (const absl::Status status = CarryOut(purges_.front()); !status.ok()) {
      Log(LogLevel::kError, "a purged account is not erased yet; trying again", {{"status", status.ToString()}});
      return;
    }
    purges_.erase(purges_.begin());
  }
}

absl::Status SegmentEngine::CarryOut(const Purge& purge) {
  // The feed tells of it at every start, and a new account may have the id by now.
  PERENNIAL_ASSIGN_OR_RETURN(const bool done, store_.IsPurged(purge.account_id, purge.facts_revision));
  if (done) return absl::OkStatus();
  if (const auto row = facts_.table().FindAny(purge.account_id); row.has_value()) {
    for (const auto& [id, segment] : segments_) evaluator_.SetDecision(id, *row, std::nullopt);
  }
  if (on_purge_) PERENNIAL_RETURN_IF_ERROR(on_purge_(purge.account_id));
  return store_.Purge(purge.account_id, purge.facts_revision);
}

bool SegmentEngine::CaughtUp() const {
  if (!facts_.accounts().caught_up() || !facts_.health().caught_up()) return false;
  // Without them the members of a segment by value would leave, only to enter again.
  if (ReadsValues() && !facts_.values().caught_up()) return false;
  // health-svc may have restarted as well and be behind what it had sent before.
  const Progress now = ProgressNow();
  return now.scored_facts_revision >= std::min(stored_progress_.scored_facts_revision, now.facts_revision);
}

bool SegmentEngine::ReadsValues() const {
  return std::any_of(segments_.begin(), segments_.end(), [](const auto& segment) {
    return absl::StrContains(segment.second.record.filter, "value.");
  });
}

Progress SegmentEngine::ProgressNow() const {
  return {.facts_revision = facts_.accounts().revision(),
          .scored_facts_revision = facts_.health().scored_facts_revision(),
          .valued_facts_revision = facts_.values().valued_facts_revision()};
}

std::vector<std::string> SegmentEngine::CompilePending(StoreWrite& write) {
  std::vector<std::string> compiled;
  if (compiled_with_ == facts_.catalogue().size()) return compiled;
  compiled_with_ = facts_.catalogue().size();
  for (const std::string& id : evaluator_.WithoutFilter()) {
    SegmentRecord record = segments_.find(id)->second.record;
    auto filter = filter::Filter::Compile(record.filter, facts_.catalogue(), {.allow_segments = true});
    if (!filter.ok()) {
      Log(LogLevel::kInfo, "segment has no members: its filter cannot be used yet",
          {{"segment", id}, {"problem", std::string(filter.status().message())}});
      continue;
    }
    evaluator_.Put({.uid = record.uid,
                    .id = id,
                    .references = filter->segments(),
                    .filter = *filter,
                    .is_static = false});
    if (record.canonical_filter != filter->canonical() || record.references != filter->segments()) {
      record.canonical_filter = filter->canonical();
      record.references = filter->segments();
      write.updated.push_back(record);
    }
    compiled.push_back(id);
  }
  return compiled;
}

void SegmentEngine::ForgetCompiled(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    const SegmentRecord& record = segments_.find(id)->second.record;
    evaluator_.Put({.uid = record.uid,
                    .id = id,
                    .references = record.references,
                    .filter = std::nullopt,
                    .is_static = false});
  }
  compiled_with_ = 0;
}

absl::Status SegmentEngine::EvaluateAndStore(const std::vector<AppliedRow>& rows, std::vector<std::string> whole,
                                             const Attribution& attribution) {
  if (!started_ && !CaughtUp()) return absl::OkStatus();
  StoreWrite write;
  const std::vector<std::string> compiled = CompilePending(write);
  const bool everything = !started_ || stale_;
  if (everything) {
    whole = evaluator_.All();
  } else {
    whole.insert(whole.end(), compiled.begin(), compiled.end());
  }
  const std::vector<Move> moves = evaluator_.Evaluate(rows, whole, clock_.Now());
  const bool first = !started_;
  const absl::Status status =
      StoreInParts(std::move(write), moves, everything ? Attribution{.time_of_facts = true} : attribution);
  if (!status.ok()) ForgetCompiled(compiled);
  stale_ = !status.ok();
  started_ = started_ || status.ok();
  facts_.TrackChanges(started_);
  ready_ = started_ && !stale_;
  if (status.ok() && first) {
    Log(LogLevel::kInfo, "caught up", {{"accounts", absl::StrCat(facts_.table().live_count())},
                                       {"segments", absl::StrCat(segments_.size())},
                                       {"moves", absl::StrCat(moves.size())}});
  }
  return status;
}

absl::Status SegmentEngine::StoreInParts(StoreWrite write, absl::Span<const Move> moves,
                                         const Attribution& attribution) {
  absl::Span<const Move> left = moves;
  do {
    const absl::Span<const Move> part = left.subspan(0, kMovesAtOnce);
    left.remove_prefix(part.size());
    // What is known is not all reflected before the last part.
    if (!left.empty()) write.progress = stored_progress_;
    if (const absl::Status status = Store(std::exchange(write, {}), part, attribution); !status.ok()) {
      evaluator_.Undo(left);
      return status;
    }
  } while (!left.empty());
  return absl::OkStatus();
}

absl::Status SegmentEngine::Store(StoreWrite write, absl::Span<const Move> moves, const Attribution& attribution) {
  const absl::Time now = clock_.Now();
  write.health_facts = facts_.health().TakeNewNames();
  write.changes.reserve(moves.size());
  for (const Move& move : moves) {
    const bool own = !attribution.only_segment.has_value() || *attribution.only_segment == move.segment_uid;
    const absl::Time as_of = facts_.as_of(move.row);
    write.changes.push_back({.segment_uid = move.segment_uid,
                             .account_id = facts_.table().account_id(move.row),
                             .entered = move.entered,
                             .time = attribution.time_of_facts && as_of > absl::UnixEpoch() ? as_of : now,
                             .cause = own ? attribution.cause : Cause::kData});
  }
  const Progress progress = write.progress.value_or(ProgressNow());
  std::int64_t event_revision = event_revision_;
  if (!write.empty()) {
    // Progress alone is not worth a write: after a restart the feeds come from the beginning anyway.
    write.progress = progress;
    const auto written = store_.Write(write);
    if (!written.ok()) {
      evaluator_.Undo(moves);
      facts_.health().ReturnNewNames(write.health_facts);
      return written.status();
    }
    event_revision = *written;
    stored_progress_ = progress;
  }
  Publish(write, moves, event_revision, progress);
  return absl::OkStatus();
}

void SegmentEngine::Publish(const StoreWrite& write, absl::Span<const Move> moves, std::int64_t event_revision,
                            const Progress& progress) {
  for (const auto& change : write.changes) {
    ++membership_changes_[static_cast<std::size_t>(change.cause)][change.entered ? 1 : 0];
  }
  const WriteLock state_lock(state_mu_);
  for (const auto* records : {&write.created, &write.updated}) {
    for (const SegmentRecord& record : *records) {
      PublishedSegment& segment = segments_[record.id];
      segment.record = record;
      by_uid_[record.uid] = &segment;
    }
  }
  for (const Move& move : moves) {
    Roaring& members = by_uid_.at(move.segment_uid)->members;
    if (move.entered) {
      members.add(move.row);
    } else {
      members.remove(move.row);
    }
  }
  for (const std::int64_t uid : write.deleted) {
    segments_.erase(std::string(by_uid_.at(uid)->record.id));
    by_uid_.erase(uid);
  }
  event_revision_ = event_revision;
  facts_revision_ = std::max(facts_revision_, progress.Complete());
}

SegmentView SegmentEngine::ViewLocked() const {
  return {.facts = facts_,
          .segments = segments_,
          .event_revision = event_revision_,
          .facts_revision = facts_revision_,
          .facts_feeds = facts_feeds_,
          .ready = ready_,
          .now = clock_.Now()};
}

}  // namespace perennial::segments
