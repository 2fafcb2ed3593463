// Rules of the lifecycle, moves by hand, and what phases depend on beside subscriptions and milestones.
#include <map>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "accounts-svc/store/sql_transaction.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

constexpr absl::string_view kRuleColumns =
    "SELECT revision, adoption_at_progress, adoption_at_steps, adoption_after_days, success_after_days, "
    "success_after_goals, churn_grace_days, author, note, revision_time FROM lifecycle_rules ";

LifecycleRevision ReadRevision(const sql::Statement& row) {
  LifecycleRevision revision{.rules = {.revision = row.Int64(0),
                                       .adoption_at_progress = row.MaybeDouble(1),
                                       .adoption_after_days = static_cast<int>(row.Int64(3)),
                                       .success_after_days = static_cast<int>(row.Int64(4)),
                                       .success_after_goals = static_cast<int>(row.Int64(5)),
                                       .churn_grace_days = static_cast<int>(row.Int64(6))},
                             .author = row.Text(7),
                             .note = row.Text(8),
                             .time = FromDb(row.MaybeInt64(9))};
  revision.rules.adoption_at_steps = absl::StrSplit(row.Text(2), ',', absl::SkipEmpty());
  return revision;
}

}  // namespace

absl::StatusOr<std::optional<LifecycleRevision>> SqlTransaction::FindLifecycleRules(std::int64_t revision) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(
          absl::StrCat(kRuleColumns, revision == 0 ? "ORDER BY revision DESC LIMIT 1" : "WHERE revision = ?")));
  if (revision != 0) statement.Bind(1, revision);
  PERENNIAL_ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return std::nullopt;
  return ReadRevision(statement);
}

absl::StatusOr<std::vector<LifecycleRevision>> SqlTransaction::ListLifecycleRules(std::int64_t before, int limit) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare(absl::StrCat(kRuleColumns, "WHERE revision < ? ORDER BY revision DESC LIMIT ?")));
  statement.Bind(1, before).Bind(2, limit);
  std::vector<LifecycleRevision> revisions;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return revisions;
    revisions.push_back(ReadRevision(statement));
  }
}

absl::Status SqlTransaction::PutLifecycleRules(const LifecycleRevision& revision) {
  rules_changed_ = true;
  rules_.reset();
  PERENNIAL_ASSIGN_OR_RETURN(sql::Statement statement,
                             connection_.Prepare("INSERT INTO lifecycle_rules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  const LifecycleRules& rules = revision.rules;
  const std::string steps = absl::StrJoin(rules.adoption_at_steps, ",");
  statement.Bind(1, rules.revision).Bind(2, rules.adoption_at_progress).Bind(3, steps);
  statement.Bind(4, rules.adoption_after_days).Bind(5, rules.success_after_days).Bind(6, rules.success_after_goals);
  statement.Bind(7, rules.churn_grace_days).Bind(8, revision.author).Bind(9, revision.note);
  return statement.Bind(10, ToDb(revision.time)).Run();
}

absl::Status SqlTransaction::LoadLifecycle(AccountNo no, absl::Time as_of, AccountHistory& history) {
  if (!rules_.has_value()) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<LifecycleRevision> revision, FindLifecycleRules(0));
    if (!revision.has_value()) return absl::DataLossError("the lifecycle has no rules");
    rules_ = std::move(revision->rules);
  }
  history.rules = *rules_;
  PERENNIAL_ASSIGN_OR_RETURN(history.moves, ListPhaseMoves(no, as_of));
  return history.rules.success_after_goals > 0 ? LoadAchievements(no, as_of, history) : absl::OkStatus();
}

// How many goals were achieved from when on: from every version of every goal, because a goal may stop being achieved.
absl::Status SqlTransaction::LoadAchievements(AccountNo no, absl::Time as_of, AccountHistory& history) {
  PERENNIAL_ASSIGN_OR_RETURN(
      sql::Statement statement,
      connection_.Prepare("SELECT goal_id, effective_time, delete_time, payload FROM goal_versions "
                          "WHERE account_no = ? AND effective_time <= ? ORDER BY goal_id, version"));
  statement.Bind(1, no).Bind(2, ToDb(as_of));
  std::map<absl::Time, int> changes;
  std::string present;
  bool achieved = false;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    if (statement.View(0) != present) {
      present = statement.Text(0);
      achieved = false;
    }
    PERENNIAL_ASSIGN_OR_RETURN(const Goal goal, DecodeGoal(statement.View(0), statement.View(3)));
    const bool now_achieved = statement.IsNull(2) && goal.state == GoalState::kAchieved;
    if (now_achieved != achieved) changes[FromDb(statement.Int64(1))] += now_achieved ? 1 : -1;
    achieved = now_achieved;
  }
  int count = 0;
  for (const auto& [time, change] : changes) history.achievements.push_back({time, count += change});
  return absl::OkStatus();
}

}  // namespace perennial::accounts
