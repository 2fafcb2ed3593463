#include "health-svc/assessor.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/hurry.h"
#include "health-svc/settled_rows.h"

namespace perennial::health {
namespace {

// Rows assessed at once from the table: bounds how long one transaction takes.
constexpr std::size_t kRowsAtOnce = 1000;

// Rows that are compared at once with what they come to, a multiple of 64: most of them are settled.
constexpr facts::RowId kRowsCompared = 8192;

v1::HealthScoreChange EntryOf(const v1::HealthScore& score, absl::Time start) {
  v1::HealthScoreChange change;
  *change.mutable_start_time() = ToTimestamp(start);
  if (score.has_score()) change.set_score(score.score());
  change.set_band(score.band());
  change.set_coverage(score.coverage());
  change.set_scorecard(score.scorecard());
  change.set_scorecard_revision(score.scorecard_revision());
  change.set_facts_revision(score.facts_revision());
  change.set_frozen(score.frozen());
  change.set_overridden(score.has_override());
  if (score.has_computed_score()) change.set_computed_score(score.computed_score());
  return change;
}

// The last row of each account: a feed that sends one twice in a message has told both, and only the last holds.
std::vector<const ReadRow*> LastOfEach(const std::vector<ReadRow>& rows) {
  absl::flat_hash_map<absl::string_view, const ReadRow*> last;
  for (const ReadRow& row : rows) last[row.account_id] = &row;
  std::vector<const ReadRow*> out;
  for (const ReadRow& row : rows) {
    if (last[row.account_id] == &row) out.push_back(&row);
  }
  return out;
}

}  // namespace

Assessor::Assessor(Portfolio& portfolio, HealthStore& store, const Clock& clock, std::function<void()> published)
    : portfolio_(portfolio),
      store_(store),
      clock_(clock),
      published_(std::move(published)),
      applier_(std::make_unique<FactsApplier>(portfolio.mutable_catalogue(), portfolio.mutable_table())) {}

// Times are stored to the microsecond; finer ones would differ from themselves after a restart.
absl::Time Assessor::Now() const { return absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now())); }

std::int64_t Assessor::feed_revision() {
  MutexLock lock(mu_);
  return applier_->revision();
}

std::string Assessor::feed_id() {
  MutexLock lock(mu_);
  return applier_->feed_id();
}

void Assessor::StartOver() {
  MutexLock lock(mu_);
  applier_ = std::make_unique<FactsApplier>(portfolio_.mutable_catalogue(), portfolio_.mutable_table());
  unseen_removed_ = false;
  stored_facts_revision_ = 0;
  const WriteLock write(portfolio_.lock());
  for (facts::RowId row = 0; row < portfolio_.table().row_count(); ++row) portfolio_.mutable_entry(row).seen = false;
  portfolio_.SetProgress(0, 0, false);
}

// After a restart the table is filled anew from the start, but scores reflect what was stored. Once caught up the feed
// alone counts: it may be another one, with lower revisions.
std::int64_t Assessor::ScoredRevision(std::int64_t facts_revision) const {
  return applier_->caught_up() ? facts_revision : std::max(facts_revision, stored_facts_revision_);
}

absl::Status Assessor::Apply(const perennial::accounts::v1::WatchFactsResponse& message) {
  const Hurry hurry(hurried_);
  MutexLock lock(mu_);
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<ReadRow> rows, Read(message));
  PERENNIAL_RETURN_IF_ERROR(Purge(rows));
  if (arriving_) return Arrive(message, rows);
  const absl::Time now = Now();
  std::vector<Assessment> assessments;
  for (const ReadRow* row : LastOfEach(rows)) assessments.push_back(AssessRead(*row, now));
  std::int64_t facts_revision = std::max(applier_->revision(), message.progress_revision());
  if (!rows.empty()) facts_revision = std::max(facts_revision, rows.back().revision);
  PERENNIAL_RETURN_IF_ERROR(Store(assessments, now, facts_revision));
  {
    const WriteLock write(portfolio_.lock());
    for (const AppliedRow& applied : applier_->Write(message, rows)) {
      portfolio_.mutable_entry(applied.row).seen = true;
      portfolio_.FollowParent(applied.row);
    }
    Publish(assessments);
    portfolio_.SetProgress(applier_->revision(), ScoredRevision(facts_revision), portfolio_.caught_up());
  }
  const absl::Status followed_up = FollowUp();
  published_();
  return followed_up;
}

absl::Status Assessor::Purge(std::vector<ReadRow>& rows) {
  std::vector<PurgedAccount> purged;
  for (const ReadRow& row : rows) {
    if (row.purged) purged.push_back({.account_id = row.account_id, .facts_revision = row.revision});
  }
  if (purged.empty()) return absl::OkStatus();
  PERENNIAL_RETURN_IF_ERROR(store_.Purge(purged));
  // A tombstone that is read again after a start must not take the score of a new account of its id away.
  std::erase_if(rows, [&](const ReadRow& row) {
    if (!row.purged) return false;
    const auto known = portfolio_.Find(row.account_id);
    return known.has_value() && portfolio_.entry(*known).facts_revision > row.revision;
  });
  return absl::OkStatus();
}

absl::Status Assessor::FollowUp() {
  if (arriving_ && applier_->caught_up()) PERENNIAL_RETURN_IF_ERROR(AssessArrived());
  if (assess_all_) {
    PERENNIAL_RETURN_IF_ERROR(AssessAll());
    assess_all_ = false;
  }
  if (applier_->caught_up() && !unseen_removed_) {
    PERENNIAL_RETURN_IF_ERROR(RemoveUnseen());
    unseen_removed_ = true;
    const WriteLock write(portfolio_.lock());
    portfolio_.SetProgress(applier_->revision(), ScoredRevision(applier_->revision()), true);
  }
  return absl::OkStatus();
}

absl::Status Assessor::Tick() {
  PERENNIAL_RETURN_IF_ERROR(TickOnce());
  while (!stopping_) {
    while (hurried_ > 0 && !stopping_) std::this_thread::sleep_for(std::chrono::microseconds(100));
    MutexLock lock(mu_);
    PERENNIAL_ASSIGN_OR_RETURN(const bool more, SweepSome());
    if (!more) break;
    published_();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Assessor::SweepSome() {
  if (!sweep_.has_value()) return false;
  const auto count = static_cast<facts::RowId>(portfolio_.table().row_count());
  const facts::RowId first = *sweep_;
  const facts::RowId end = std::min(count, first + kRowsCompared);
  if (first < end) PERENNIAL_RETURN_IF_ERROR(AssessRange(first, end));
  sweep_ = end < count ? std::optional<facts::RowId>(end) : std::nullopt;
  to_assess_ = count - end;
  return true;
}

absl::Status Assessor::AssessRange(facts::RowId first, facts::RowId end) {
  const facts::Bitmap settled = SettledRows(portfolio_).Find(first, end, [&](facts::RowId row) {
    return portfolio_.entry(row).as_of;
  });
  std::vector<facts::RowId> rows;
  for (facts::RowId row = first; row < end; ++row) {
    if (!settled.Test(row - first) && portfolio_.table().live(row) && portfolio_.entry(row).seen) rows.push_back(row);
  }
  return AssessRows(rows);
}

absl::Status Assessor::TickOnce() {
  MutexLock lock(mu_);
  const absl::Time now = Now();
  if (DayOf(now) != baseline_day_) {
    PERENNIAL_RETURN_IF_ERROR(LoadBaselines(now));
    sweep_ = 0;
    to_assess_ = static_cast<std::int64_t>(portfolio_.table().row_count());
  }
  std::vector<facts::RowId> rows;
  for (const auto& [due, row] : due_overrides_) {
    if (due > now) break;
    if (portfolio_.entry(row).seen) rows.push_back(row);
  }
  for (const auto& [due, row, rule] : due_) {
    if (due > now) break;
    // Rows whose facts have not come yet since the start are assessed when they do.
    if (portfolio_.entry(row).seen) rows.push_back(row);
  }
  const bool something = assess_all_ || !rows.empty() || (applier_->caught_up() && !unseen_removed_);
  if (!something) return absl::OkStatus();
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  PERENNIAL_RETURN_IF_ERROR(AssessRows(rows));
  PERENNIAL_RETURN_IF_ERROR(FollowUp());
  published_();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ReadRow>> Assessor::Read(const perennial::accounts::v1::WatchFactsResponse& message) {
  if (message.definitions().empty()) return applier_->Read(message);
  const WriteLock write(portfolio_.lock());  // the catalogue grows
  auto rows = applier_->Read(message);
  // What a filter selects among rows that came earlier is known only now.
  if (portfolio_.Resolve() && applier_->revision() > 0) assess_all_ = true;
  return rows;
}

Assessment Assessor::AssessRead(const ReadRow& row, absl::Time now) {
  if (!row.deleted) {
    const auto known = portfolio_.Find(row.account_id);
    Assessment following = FollowCarried(row);
    const CarriedFacts* carried = following.carried.has_value() ? &*following.carried
                                  : known.has_value()           ? portfolio_.CarriedOf(*known)
                                                                : nullptr;
    Assessment out = Assess(portfolio_, {.account_id = row.account_id,
                                         .facts = row.facts,
                                         .as_of = row.as_of,
                                         .facts_revision = row.revision,
                                         .now = now,
                                         .override_score = known.has_value() ? ActiveOverride(*known, now) : nullptr,
                                         .carried = carried});
    out.carried = std::move(following.carried);
    out.carried_values_changed = following.carried_values_changed;
    out.look_back = following.look_back;
    return out;
  }
  return {.account_id = row.account_id, .deleted = true, .changed = portfolio_.Find(row.account_id).has_value()};
}

absl::Status Assessor::Store(std::vector<Assessment>& assessments, absl::Time now, std::int64_t facts_revision) {
  HealthBatch batch;
  std::int64_t revision = portfolio_.revision();
  std::int64_t flag_revision = portfolio_.flag_revision();
  for (Assessment& assessment : assessments) {
    for (auto& [rule, state] : assessment.flags) {
      if (state.standing.raised.has_value()) state.revision = ++flag_revision;
      batch.flags.push_back(ToStored(assessment.account_id, portfolio_.rules().all()[rule].config.id(), state));
    }
    if (assessment.carried_values_changed) {
      batch.carried.push_back({.account_id = assessment.account_id, .facts = *assessment.carried});
    }
    if (!assessment.changed) continue;
    assessment.score.set_revision(++revision);
    if (assessment.deleted) {
      batch.carried.push_back({.account_id = assessment.account_id});
      batch.unflagged.push_back(assessment.account_id);
      RemoveFlags(assessment, flag_revision, batch);
    }
    batch.scores.push_back({.account_id = assessment.account_id,
                            .revision = revision,
                            .deleted = assessment.deleted,
                            .score = assessment.deleted ? v1::HealthScore() : assessment.score});
    if (assessment.begins_entry && !assessment.deleted) {
      batch.changes.push_back({.account_id = assessment.account_id, .change = EntryOf(assessment.score, now)});
      batch.changes.back().change.set_cause(assessment.cause);
    }
  }
  if (batch.empty()) return absl::OkStatus();
  batch.facts_revision = ScoredRevision(facts_revision);
  return store_.Commit(batch);
}

void Assessor::Publish(const std::vector<Assessment>& assessments) {
  for (const Assessment& assessment : assessments) PublishOne(assessment);
}

void Assessor::PublishOne(const Assessment& assessment) {
  if (assessment.deleted) {
    const auto row = portfolio_.table().FindAny(assessment.account_id);
    if (!row.has_value() || !assessment.changed) return;
    for (std::size_t rule = 0; rule < portfolio_.rules().all().size(); ++rule) ForgetDueFlag(*row, rule);
    portfolio_.DropFlags(*row);
    for (const auto& [rule, revision] : assessment.removed_flags) {
      portfolio_.PutFlagTombstone(*row, portfolio_.rules().all()[rule].config.id(), revision);
    }
    if (const StandingOverride* standing = portfolio_.OverrideOf(*row)) {
      due_overrides_.erase({ToTime(standing->config.expire_time()), *row});
    }
    portfolio_.PutTombstone(*row, assessment.score.revision());
    return;
  }
  const facts::RowId row = portfolio_.mutable_table().Upsert(assessment.account_id);
  if (assessment.changed) {
    PutScore(row, assessment.score);
    portfolio_.mutable_entry(row).outdated = false;
  } else {
    Portfolio::Entry& entry = portfolio_.mutable_entry(row);
    entry.as_of = ToTime(assessment.score.as_of());
    entry.facts_revision = assessment.score.facts_revision();
  }
  if (assessment.carried.has_value()) portfolio_.PutCarried(row, *assessment.carried);
  if (assessment.look_back) missing_.insert(assessment.account_id);
  if (assessment.score.frozen() && !assessment.score.has_score()) unkept_.insert(assessment.account_id);
  for (const auto& [rule, state] : assessment.flags) PublishFlag(row, rule, state);
}

void Assessor::PutScore(facts::RowId row, const v1::HealthScore& score) {
  if (const StandingOverride* standing = portfolio_.OverrideOf(row)) {
    due_overrides_.erase({ToTime(standing->config.expire_time()), row});
  }
  portfolio_.PutScore(row, score);
  if (score.frozen() && !score.has_score()) unkept_.insert(portfolio_.table().account_id(row));
  // What churn froze does not end by itself.
  if (score.has_override() && !score.frozen()) due_overrides_.insert({ToTime(score.override().expire_time()), row});
}

absl::Status Assessor::AssessRows(const std::vector<facts::RowId>& rows) {
  const absl::Time now = Now();
  for (std::size_t begin = 0; begin < rows.size(); begin += kRowsAtOnce) {
    const std::size_t end = std::min(begin + kRowsAtOnce, rows.size());
    std::vector<Assessment> assessments;
    for (std::size_t i = begin; i < end; ++i) {
      assessments.push_back(AssessRow(rows[i], now, ActiveOverride(rows[i], now)));
    }
    PERENNIAL_RETURN_IF_ERROR(Store(assessments, now, applier_->revision()));
    const WriteLock write(portfolio_.lock());
    Publish(assessments);
  }
  return absl::OkStatus();
}

absl::Status Assessor::AssessAll() {
  const auto count = static_cast<facts::RowId>(portfolio_.table().row_count());
  for (facts::RowId first = 0; first < count; first += kRowsCompared) {
    PERENNIAL_RETURN_IF_ERROR(AssessRange(first, std::min(count, first + kRowsCompared)));
  }
  return absl::OkStatus();
}

// The feed has told of all accounts there are: any other was deleted while this process was away.
absl::Status Assessor::RemoveUnseen() {
  std::vector<Assessment> gone;
  portfolio_.table().live_rows().ForEach([&](facts::RowId row) {
    if (portfolio_.entry(row).seen) return;
    gone.push_back({.account_id = portfolio_.table().account_id(row), .deleted = true, .changed = true});
  });
  if (gone.empty()) return absl::OkStatus();
  PERENNIAL_RETURN_IF_ERROR(Store(gone, Now(), applier_->revision()));
  const WriteLock write(portfolio_.lock());
  Publish(gone);
  return absl::OkStatus();
}

}  // namespace perennial::health
