// The part of random stories that is about the lifecycle: its rules, and moves by hand.
#include "absl/strings/str_cat.h"
#include "tests/accounts/model/model_steps.h"

namespace perennial::accounts::testing {

Step StoryTeller::OnLifecycle() {
  const int chance = UpTo(7);
  if (chance < 2) return NewRules();
  if (chance < 4 && !move_times_.empty()) {
    v1::UndoPhaseMoveRequest request;
    request.set_name("accounts/" + Account());
    *request.mutable_effective_time() = StampOf(Pick(move_times_));
    request.set_author("bob");
    if (Once(2)) request.set_reason("a mistake");
    return request;
  }
  v1::MoveAccountPhaseRequest request;
  request.set_name("accounts/" + Account());
  request.set_phase(static_cast<v1::LifecyclePhase>(1 + UpTo(4)));
  request.set_reason(absl::StrCat("reason", UpTo(1)));
  request.set_author(absl::StrCat("author", UpTo(1)));
  // Also at moments at which something else happens, or another move was made.
  absl::Time time = now_;
  if (Once(2)) time = Past();
  if (!move_times_.empty() && Once(4)) time = Pick(move_times_);
  if (!begins_.empty() && Once(4)) {
    time = std::next(begins_.begin(), UpTo(static_cast<int>(begins_.size()) - 1))->second;
  }
  if (time != now_ || Once(2)) *request.mutable_effective_time() = StampOf(time);
  move_times_.push_back(time);
  return request;
}

v1::UpdateLifecycleRulesRequest StoryTeller::NewRules() {
  v1::UpdateLifecycleRulesRequest request;
  v1::LifecycleRules& rules = *request.mutable_rules();
  if (!Once(4)) rules.set_adoption_at_progress(UpTo(4) / 4.0);
  for (const char* step : {"first_value", "step"}) {
    if (Once(2)) rules.add_adoption_at_steps(step);
  }
  rules.set_adoption_after_days(Pick<int>({0, 1, 30, 90}));
  rules.set_success_after_days(Pick<int>({0, 1, 20, 180, 180}));
  rules.set_success_after_goals(Once(2) ? 0 : 1 + UpTo(1));
  rules.set_churn_grace_days(Once(2) ? 0 : Pick<int>({1, 10, 60}));
  request.set_author("zoe");
  return request;
}

}  // namespace perennial::accounts::testing
