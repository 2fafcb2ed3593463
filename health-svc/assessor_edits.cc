// What people change through an assessor.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/server/audited_change.h"
#include "health-svc/assessor.h"
#include "health-svc/request_names.h"

namespace perennial::health {

StoredFlag ToStored(const std::string& account_id, const std::string& rule, const FlagState& state) {
  return {.account_id = account_id,
          .rule = rule,
          .standing = state.standing,
          .causes = state.story.Causes(),
          .handled = state.handled,
          .snooze_until = state.snooze_until,
          .transitions = state.story.Transitions(),
          .revision = state.revision};
}

const v1::HealthScoreOverride* Assessor::ActiveOverride(facts::RowId row, absl::Time now) const {
  const StandingOverride* standing = portfolio_.OverrideOf(row);
  if (standing == nullptr || ToTime(standing->config.expire_time()) <= now) return nullptr;
  return &standing->config;
}

Assessment Assessor::AssessRow(facts::RowId row, absl::Time now, const v1::HealthScoreOverride* by) {
  const Portfolio::Entry& entry = portfolio_.entry(row);
  const facts::TableRow facts(portfolio_.table(), row);
  Assessment out = Assess(portfolio_, {.account_id = portfolio_.table().account_id(row),
                                       .facts = facts,
                                       .as_of = entry.as_of,
                                       .facts_revision = entry.facts_revision,
                                       .now = now,
                                       .override_score = by,
                                       .carried = portfolio_.CarriedOf(row)});
  out.look_back = NeedsLookBack(row);
  return out;
}

absl::Status Assessor::Settle(Assessment assessment, absl::Time now) {
  std::vector<Assessment> one;
  one.push_back(std::move(assessment));
  PERENNIAL_RETURN_IF_ERROR(Store(one, now, applier_->revision()));
  const WriteLock write(portfolio_.lock());
  Publish(one);
  return absl::OkStatus();
}

absl::StatusOr<facts::RowId> Assessor::RowToChange(absl::string_view account_id) {
  const auto row = portfolio_.Find(account_id);
  if (!row.has_value()) return NoSuchAccounts({std::string(account_id)});
  if (!portfolio_.entry(*row).seen) return NotCaughtUp();
  return *row;
}

absl::StatusOr<v1::HealthScore> Assessor::SetOverride(absl::string_view account_id,
                                                      const std::optional<v1::HealthScoreOverride>& by) {
  v1::HealthScore out;
  {
    const MutexLock lock(mu_);
    PERENNIAL_ASSIGN_OR_RETURN(const facts::RowId row, RowToChange(account_id));
    if (portfolio_.entry(row).frozen) {
      return WithReason(absl::FailedPreconditionError("the account has churned; its last score stays as it is"),
                        "CHURNED");
    }
    const absl::Time now = Now();
    if (!by.has_value() && ActiveOverride(row, now) == nullptr) {
      return WithReason(absl::NotFoundError("the score has no override"), "NO_OVERRIDE");
    }
    portfolio_.GetScore(row, &out);
    NoteOldValue(out);
    out.Clear();
    PERENNIAL_RETURN_IF_ERROR(Settle(AssessRow(row, now, by.has_value() ? &*by : nullptr), now));
    portfolio_.GetScore(row, &out);
  }
  published_();
  return out;
}

absl::Status Assessor::HandleFlag(absl::string_view account_id, absl::string_view rule, FlagStep step,
                                  std::optional<absl::Time> until) {
  {
    const MutexLock lock(mu_);
    PERENNIAL_ASSIGN_OR_RETURN(const facts::RowId row, RowToChange(account_id));
    const auto index = portfolio_.rules().Find(rule);
    const FlagState* present = nullptr;
    if (index.has_value()) {
      const auto found = portfolio_.flags(*index).find(row);
      if (found != portfolio_.flags(*index).end() && found->second.revision > 0) present = &found->second;
    }
    if (present == nullptr) {
      return WithReason(
          absl::NotFoundError(absl::StrCat("accounts/", account_id, "/flags/", rule, " was never raised")),
          "NO_SUCH_FLAG");
    }
    if (!present->standing.open || present->handled == v1::FLAG_STATE_RESOLVED) {
      return WithReason(absl::FailedPreconditionError("the flag is not raised any more"), "FLAG_NOT_RAISED");
    }
    step.time = Now();
    FlagState next = *present;
    next.handled = step.state;
    next.snooze_until = until;
    const v1::HealthScoreOverride* by = ActiveOverride(row, step.time);
    {
      v1::HealthScore score;
      portfolio_.GetScore(row, &score);
      const facts::FactRow ours = portfolio_.health_facts().ToFacts(score);
      const facts::TableRow theirs(portfolio_.table(), row);
      step.causes = CausesOf(portfolio_.rules().all()[*index], PendingRow(theirs, ours, portfolio_.health_facts()),
                             portfolio_.catalogue());
    }
    AddTransition(step, next.story.Causes(), next);
    // Stored by itself first, as assessing begins with what the portfolio holds.
    next.revision = portfolio_.flag_revision() + 1;
    HealthBatch batch;
    batch.flags.push_back(ToStored(std::string(account_id), std::string(rule), next));
    PERENNIAL_RETURN_IF_ERROR(store_.Commit(batch));
    {
      const WriteLock write(portfolio_.lock());
      PublishFlag(row, *index, next);
    }
    // The flag is settled; what its score tells of it follows, at the latest with the account's next change.
    const absl::Status followed = Settle(AssessRow(row, step.time, by), step.time);
    if (!followed.ok()) {
      Log(LogLevel::kError, "open flags of a score are behind", {{"status", followed.ToString()}});
    }
  }
  published_();
  return absl::OkStatus();
}

std::vector<std::string> Assessor::TakeUnkept() {
  const MutexLock lock(mu_);
  const std::set<std::string> taken = std::exchange(unkept_, {});
  return {taken.begin(), taken.end()};
}

void Assessor::ReturnUnkept(std::string account_id) {
  const MutexLock lock(mu_);
  unkept_.insert(std::move(account_id));
}

absl::Status Assessor::SetKept(const std::string& account_id, const v1::HealthScore& kept) {
  {
    const MutexLock lock(mu_);
    const auto row = portfolio_.Find(account_id);
    if (!row.has_value() || !portfolio_.entry(*row).frozen || !kept.has_score()) return absl::OkStatus();
    if (!portfolio_.entry(*row).seen) {
      unkept_.insert(account_id);
      return absl::OkStatus();
    }
    Assessment assessment{.account_id = account_id, .changed = true, .begins_entry = true};
    portfolio_.GetScore(*row, &assessment.score);
    if (assessment.score.has_score()) return absl::OkStatus();
    assessment.score.set_score(kept.score());
    assessment.score.set_band(kept.band());
    assessment.score.set_coverage(kept.coverage());
    assessment.score.set_scorecard(kept.scorecard());
    assessment.score.set_scorecard_revision(kept.scorecard_revision());
    *assessment.score.mutable_measures() = kept.measures();
    const absl::Time now = Now();
    PERENNIAL_RETURN_IF_ERROR(Settle(std::move(assessment), now));
    // Flags and filters that read the score follow.
    PERENNIAL_RETURN_IF_ERROR(Settle(AssessRow(*row, now, nullptr), now));
  }
  published_();
  return absl::OkStatus();
}

std::vector<StoredFlag> Assessor::FlagsWithout(const FlagRules& rules) {
  std::vector<StoredFlag> out;
  std::int64_t revision = portfolio_.flag_revision();
  for (std::size_t rule = 0; rule < portfolio_.rules().all().size(); ++rule) {
    const std::string& id = portfolio_.rules().all()[rule].config.id();
    if (rules.Find(id).has_value()) continue;
    for (const auto& [row, state] : portfolio_.flags(rule)) {
      out.push_back({.account_id = portfolio_.table().account_id(row),
                     .rule = id,
                     .revision = state.revision > 0 ? ++revision : 0,
                     .removed = true});
    }
  }
  return out;
}

absl::Status Assessor::Reconfigure(Scorecards scorecards, FlagRules rules,
                                   const std::function<absl::Status()>& persist) {
  {
    const MutexLock lock(mu_);
    PERENNIAL_RETURN_IF_ERROR(HealthFacts::Check(scorecards, rules));
    PERENNIAL_RETURN_IF_ERROR(persist());
    HealthBatch gone;
    gone.flags = FlagsWithout(rules);
    if (!gone.empty()) {
      const absl::Status status = store_.Commit(gone);
      // The rule is gone; the next start finds its flags and ends them.
      if (!status.ok()) Log(LogLevel::kError, "flags of a deleted rule stay on disk", {{"status", status.ToString()}});
    }
    const WriteLock write(portfolio_.lock());
    PERENNIAL_RETURN_IF_ERROR(portfolio_.SetConfiguration(std::move(scorecards), std::move(rules)));
    for (const StoredFlag& flag : gone.flags) {
      portfolio_.PutFlagTombstone(*portfolio_.table().FindAny(flag.account_id), flag.rule, flag.revision);
    }
    RebuildDueFlags();
    sweep_ = 0;
    to_assess_ = static_cast<std::int64_t>(portfolio_.table().row_count());
  }
  published_();
  return absl::OkStatus();
}

}  // namespace perennial::health
