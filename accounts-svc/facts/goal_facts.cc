#include <algorithm>

#include "accounts-svc/facts/fact_groups.h"
#include "accounts-svc/facts/goal_progress.h"

namespace perennial::accounts {

std::optional<double> ProgressOf(const Goal& goal, std::optional<double> value) {
  if (goal.state == GoalState::kAchieved) return 1;
  if (!value.has_value()) return std::nullopt;
  // Halved, so that no difference of two numbers is infinite.
  const double way = goal.target / 2 - goal.start / 2;
  if (way == 0) return *value == goal.target ? 1 : 0;
  // Decided by comparison: the quotient of what is reached may round to less than 1.
  if (way > 0 ? *value >= goal.target : *value <= goal.target) return 1;
  // And to 1 of what is not.
  constexpr double kAlmost = 1 - 1e-12;
  return std::clamp((*value / 2 - goal.start / 2) / way, 0.0, kAlmost);
}

bool IsOverdue(const Goal& goal, absl::Time as_of) {
  return goal.state == GoalState::kActive && goal.due.has_value() && *goal.due < as_of;
}

std::vector<std::string> PutGoalFacts(const AccountHistory& history, FactSink& sink) {
  std::vector<std::string> reached;
  int active = 0;
  int achieved = 0;
  int overdue = 0;
  double sum = 0;
  int known = 0;
  for (const Goal& goal : history.goals) {
    if (goal.state == GoalState::kCancelled) continue;
    const std::optional<double> progress = ProgressOf(goal, goal.fact.empty() ? goal.current : sink.Number(goal.fact));
    if (progress.has_value()) {
      sum += *progress;
      ++known;
    }
    if (goal.state == GoalState::kAchieved) {
      ++achieved;
    } else if (progress == 1) {
      ++achieved;
      reached.push_back(goal.id);
    } else {
      ++active;
      if (IsOverdue(goal, sink.as_of())) ++overdue;
    }
  }
  sink.Put("goals.active", active);
  sink.Put("goals.achieved", achieved);
  sink.Put("goals.overdue", overdue);
  if (known > 0) sink.Put("goals.progress", sum / known);
  return reached;
}

}  // namespace perennial::accounts
