#include "health-svc/assessor.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::health {
namespace {

// Rows assessed at once from the table: bounds how long one transaction takes.
constexpr std::size_t kRowsAtOnce = 1000;

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
  MutexLock lock(mu_);
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ReadRow> rows, Read(message));
  const absl::Time now = Now();
  std::vector<Assessment> assessments;
  for (const ReadRow* row : LastOfEach(rows)) assessments.push_back(AssessRead(*row, now));
  std::int64_t facts_revision = std::max(applier_->revision(), message.progress_revision());
  if (!rows.empty()) facts_revision = std::max(facts_revision, rows.back().revision);
  PERENNIAL_RETURN_IF_ERROR(Store(assessments, now, facts_revision));
  {
    const WriteLock write(portfolio_.lock());
    for (const AppliedRow& applied : applier_->Write(message, rows)) portfolio_.mutable_entry(applied.row).seen = true;
    Publish(assessments);
    portfolio_.SetProgress(applier_->revision(), ScoredRevision(facts_revision), portfolio_.caught_up());
  }
  const absl::Status followed_up = FollowUp();
  published_();
  return followed_up;
}

absl::Status Assessor::FollowUp() {
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
  MutexLock lock(mu_);
  const absl::Time now = Now();
  if (DayOf(now) != baseline_day_) {
    PERENNIAL_RETURN_IF_ERROR(LoadBaselines(now));
    assess_all_ = true;
  }
  std::vector<facts::RowId> rows;
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
    return Assess(portfolio_, {.account_id = row.account_id,
                               .facts = row.facts,
                               .as_of = row.as_of,
                               .facts_revision = row.revision,
                               .now = now});
  }
  return {.account_id = row.account_id, .deleted = true, .changed = portfolio_.Find(row.account_id).has_value()};
}

absl::Status Assessor::Store(std::vector<Assessment>& assessments, absl::Time now, std::int64_t facts_revision) {
  HealthBatch batch;
  std::int64_t revision = portfolio_.revision();
  for (Assessment& assessment : assessments) {
    for (const auto& [rule, state] : assessment.flags) {
      batch.flags.push_back({.account_id = assessment.account_id,
                             .rule = portfolio_.rules().all()[rule].config.id(),
                             .standing = state.standing,
                             .causes = state.causes});
    }
    if (!assessment.changed) continue;
    assessment.score.set_revision(++revision);
    if (assessment.deleted) batch.unflagged.push_back(assessment.account_id);
    batch.scores.push_back({.account_id = assessment.account_id,
                            .revision = revision,
                            .deleted = assessment.deleted,
                            .score = assessment.deleted ? v1::HealthScore() : assessment.score});
    if (assessment.begins_entry && !assessment.deleted) {
      batch.changes.push_back({.account_id = assessment.account_id, .change = EntryOf(assessment.score, now)});
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
    portfolio_.PutTombstone(*row, assessment.score.revision());
    return;
  }
  const facts::RowId row = portfolio_.mutable_table().Upsert(assessment.account_id);
  if (assessment.changed) {
    portfolio_.PutScore(row, assessment.score);
    portfolio_.mutable_entry(row).outdated = false;
  } else {
    Portfolio::Entry& entry = portfolio_.mutable_entry(row);
    entry.as_of = ToTime(assessment.score.as_of());
    entry.facts_revision = assessment.score.facts_revision();
  }
  for (const auto& [rule, state] : assessment.flags) PublishFlag(row, rule, state);
}

void Assessor::ForgetDueFlag(facts::RowId row, std::size_t rule) {
  const auto found = portfolio_.flags(rule).find(row);
  if (found == portfolio_.flags(rule).end()) return;
  const CompiledFlagRule& config = portfolio_.rules().all()[rule];
  if (const auto due = DueTime(found->second.standing, config.raise_after, config.clear_after)) {
    due_.erase({*due, row, rule});
  }
}

void Assessor::PublishFlag(facts::RowId row, std::size_t rule, const FlagState& state) {
  ForgetDueFlag(row, rule);
  const CompiledFlagRule& config = portfolio_.rules().all()[rule];
  if (const auto due = DueTime(state.standing, config.raise_after, config.clear_after)) due_.insert({*due, row, rule});
  portfolio_.PutFlag(row, rule, state);
}

absl::Status Assessor::AssessRows(const std::vector<facts::RowId>& rows) {
  const absl::Time now = Now();
  for (std::size_t begin = 0; begin < rows.size(); begin += kRowsAtOnce) {
    const std::size_t end = std::min(begin + kRowsAtOnce, rows.size());
    std::vector<Assessment> assessments;
    for (std::size_t i = begin; i < end; ++i) {
      const Portfolio::Entry& entry = portfolio_.entry(rows[i]);
      const facts::TableRow facts(portfolio_.table(), rows[i]);
      assessments.push_back(Assess(portfolio_, {.account_id = portfolio_.table().account_id(rows[i]),
                                                .facts = facts,
                                                .as_of = entry.as_of,
                                                .facts_revision = entry.facts_revision,
                                                .now = now}));
    }
    PERENNIAL_RETURN_IF_ERROR(Store(assessments, now, applier_->revision()));
    const WriteLock write(portfolio_.lock());
    Publish(assessments);
  }
  return absl::OkStatus();
}

absl::Status Assessor::AssessAll() {
  std::vector<facts::RowId> rows;
  portfolio_.table().live_rows().ForEach([&](facts::RowId row) {
    if (portfolio_.entry(row).seen) rows.push_back(row);
  });
  return AssessRows(rows);
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
