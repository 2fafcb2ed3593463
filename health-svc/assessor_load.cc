// How an assessor finds its portfolio again.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/assessor.h"

namespace perennial::health {
namespace {

// What the configuration knows of; what is stored may be older.
class KnownIds {
 public:
  explicit KnownIds(const Portfolio& portfolio) : rules_(portfolio.rules()) {
    for (const auto& card : portfolio.scorecards().all()) {
      for (const v1::Measure& measure : card->config().measures()) measures_.insert(measure.id());
    }
  }

  // Takes away what is not known. Returns whether there was any.
  bool Prune(v1::HealthScore& score) const {
    const bool all = std::all_of(score.measures().begin(), score.measures().end(),
                                 [&](const auto& measure) { return measures_.contains(measure.measure()); }) &&
                     std::all_of(score.open_flags().begin(), score.open_flags().end(),
                                 [&](const auto& rule) { return rules_.Find(rule).has_value(); });
    if (all) return false;
    v1::HealthScore kept;
    for (const v1::MeasureScore& measure : score.measures()) {
      if (measures_.contains(measure.measure())) *kept.add_measures() = measure;
    }
    for (const std::string& rule : score.open_flags()) {
      if (rules_.Find(rule).has_value()) kept.add_open_flags(rule);
    }
    score.mutable_measures()->Swap(kept.mutable_measures());
    score.mutable_open_flags()->Swap(kept.mutable_open_flags());
    return true;
  }

 private:
  const FlagRules& rules_;
  absl::flat_hash_set<std::string> measures_;
};

}  // namespace

absl::Status Assessor::Load() {
  MutexLock lock(mu_);
  PERENNIAL_ASSIGN_OR_RETURN(const HealthProgress progress, store_.Progress());
  stored_facts_revision_ = progress.facts_revision;
  {
    const WriteLock write(portfolio_.lock());
    portfolio_.RaiseFlagRevision(progress.flag_revision);
  }
  PERENNIAL_RETURN_IF_ERROR(LoadScores());
  PERENNIAL_RETURN_IF_ERROR(LoadFlags());
  PERENNIAL_RETURN_IF_ERROR(LoadCarried());
  const WriteLock write(portfolio_.lock());
  portfolio_.RaiseRevision(progress.revision);
  portfolio_.SetProgress(0, progress.facts_revision, false);
  return absl::OkStatus();
}

absl::Status Assessor::LoadScores() {
  const KnownIds known(portfolio_);
  {
    const WriteLock write(portfolio_.lock());
    PERENNIAL_RETURN_IF_ERROR(store_.VisitScores([&](StoredScore stored) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      const facts::RowId row = portfolio_.mutable_table().Upsert(stored.account_id);
      if (stored.deleted) {
        portfolio_.PutTombstone(row, stored.revision);
        return absl::OkStatus();
      }
      const bool outdated = known.Prune(stored.score);
      PutScore(row, stored.score);
      portfolio_.mutable_entry(row).outdated = outdated;
      return absl::OkStatus();
    }));
  }
  return LoadBaselines(Now());
}

absl::Status Assessor::LoadFlags() {
  HealthBatch orphans;  // a crash may have come between a rule's end and that of its flags
  {
    const WriteLock write(portfolio_.lock());
    PERENNIAL_RETURN_IF_ERROR(store_.VisitFlags([&](StoredFlag stored) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      const auto row = portfolio_.table().FindAny(stored.account_id);
      const auto rule = portfolio_.rules().Find(stored.rule);
      if (!row.has_value()) return absl::OkStatus();
      if (stored.removed) {
        portfolio_.PutFlagTombstone(*row, stored.rule, stored.revision);
      } else if (rule.has_value() && portfolio_.table().live(*row)) {
        PublishFlag(*row, *rule,
                    {.standing = stored.standing,
                     .snooze_until = stored.snooze_until,
                     .story = FlagStory(stored.causes, stored.transitions),
                     .handled = stored.handled,
                     .revision = stored.revision});
      } else {
        orphans.flags.push_back({.account_id = stored.account_id, .rule = stored.rule, .removed = true});
      }
      return absl::OkStatus();
    }));
  }
  if (orphans.flags.empty()) return absl::OkStatus();
  std::int64_t revision = portfolio_.flag_revision();
  for (StoredFlag& flag : orphans.flags) flag.revision = ++revision;
  PERENNIAL_RETURN_IF_ERROR(store_.Commit(orphans));
  const WriteLock write(portfolio_.lock());
  for (const StoredFlag& flag : orphans.flags) {
    portfolio_.PutFlagTombstone(*portfolio_.table().FindAny(flag.account_id), flag.rule, flag.revision);
  }
  return absl::OkStatus();
}

absl::Status Assessor::LoadCarried() {
  const WriteLock write(portfolio_.lock());
  return store_.VisitCarried([&](StoredCarried stored) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto row = portfolio_.Find(stored.account_id);
    if (row.has_value()) portfolio_.PutCarried(*row, std::move(stored.facts));
    return absl::OkStatus();
  });
}

absl::Status Assessor::LoadBaselines(absl::Time now) {
  std::vector<std::pair<facts::RowId, double>> baselines;
  // What held when the day 30 days before ended.
  const absl::Time moment = StartOfDay(DayOf(now) - 29) - absl::Microseconds(1);
  PERENNIAL_RETURN_IF_ERROR(store_.VisitScoresAt(moment, [&](absl::string_view account, double score) {
    if (const auto row = portfolio_.table().FindAny(account)) baselines.emplace_back(*row, score);
  }));
  const WriteLock write(portfolio_.lock());
  for (facts::RowId row = 0; row < portfolio_.table().row_count(); ++row) {
    portfolio_.mutable_entry(row).baseline = std::numeric_limits<double>::quiet_NaN();
  }
  for (const auto& [row, score] : baselines) portfolio_.mutable_entry(row).baseline = score;
  baseline_day_ = DayOf(now);
  return absl::OkStatus();
}

}  // namespace perennial::health
