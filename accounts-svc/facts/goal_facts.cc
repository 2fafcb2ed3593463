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
  return std::clamp((*value / 2 - goal.start / 2) / way, 0.0, kAlmost) + 0.0;  // no -0
}

bool IsOverdue(const Goal& goal, absl::Time as_of) {
  return goal.state == GoalState::kActive && goal.due.has_value() && *goal.due < as_of;
}

namespace {

// A number of the row, by the name of its fact; nothing when it is unknown, or when no fact of that name is a number.
std::optional<double> NumberOf(const NumberRow& row, const std::string& name, const FactNumbering& numbering) {
  const std::optional<facts::FactId> fact = FindNumber(name, numbering);
  return fact.has_value() ? row.Get(*fact) : std::nullopt;
}

}  // namespace

std::vector<std::string> PutGoalFacts(const std::vector<Goal>& goals, const FactNumbering& numbering, absl::Time as_of,
                                      NumberRow& row) {
  std::vector<std::string> reached;
  int active = 0;
  int achieved = 0;
  int overdue = 0;
  double sum = 0;
  int known = 0;
  for (const Goal& goal : goals) {
    if (goal.state == GoalState::kCancelled) continue;
    const std::optional<double> progress = ProgressOf(goal, goal.fact.empty() ? goal.current : NumberOf(row, goal.fact, numbering));
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
      if (IsOverdue(goal, as_of)) ++overdue;
    }
  }
  row.Set(numbering.Fixed("goals.active"), active);
  row.Set(numbering.Fixed("goals.achieved"), achieved);
  row.Set(numbering.Fixed("goals.overdue"), overdue);
  row.Set(numbering.Fixed("goals.progress"), known > 0 ? std::optional<double>(sum / known) : std::nullopt);
  return reached;
}

}  // namespace perennial::accounts
