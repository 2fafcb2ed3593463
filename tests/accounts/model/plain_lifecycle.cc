// The lifecycle of the plain model, from docs/lifecycle.md: at every moment at which anything might happen it is asked, in
// order, what revenue, the rules and people do.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

bool HasTrialAt(const PlainAccount& account, absl::Time time) {
  return std::any_of(account.subscriptions.begin(), account.subscriptions.end(), [&](const auto& entry) {
    return RunsAt(entry.second, time) && StateAt(entry.second, time).trial();
  });
}

bool AsksFor(const v1::LifecycleRules& rules, const std::string& step) {
  return std::find(rules.adoption_at_steps().begin(), rules.adoption_at_steps().end(), step) !=
         rules.adoption_at_steps().end();
}

// Milestones that end onboarding, by time.
std::map<absl::Time, v1::Milestone> EndingMilestones(const PlainAccount& account) {
  std::map<absl::Time, v1::Milestone> ending;
  for (const auto& [key, states] : account.records) {
    if (!states.front().has_milestone()) continue;
    const v1::Milestone& milestone = states.front().milestone();
    const bool far_enough = account.rules.has_adoption_at_progress() && milestone.has_progress() &&
                            milestone.progress() >= account.rules.adoption_at_progress();
    if (far_enough || AsksFor(account.rules, milestone.step())) {
      ending.emplace(TimeOf(states.front().event_time()), milestone);
    }
  }
  return ending;
}

int GoalsAchievedAt(const PlainAccount& account, absl::Time time) {
  int achieved = 0;
  for (const auto& [id, versions] : account.goals) {
    bool is = false;
    for (const auto& version : versions) {
      if (version.since <= time) is = !version.deleted && version.state.state() == v1::GOAL_STATE_ACHIEVED;
    }
    achieved += is ? 1 : 0;
  }
  return achieved;
}

// Every moment until `as_of` at which a phase might be entered, and some more.
std::set<absl::Time> MomentsToLookAt(const PlainAccount& account, absl::Time as_of) {
  std::set<absl::Time> moments = Moments(account, as_of);
  for (const auto& [time, move] : account.moves) moments.insert(time);
  for (const auto& [time, milestone] : EndingMilestones(account)) moments.insert(time);
  for (const auto& [id, versions] : account.goals) {
    for (const auto& version : versions) moments.insert(version.since);
  }
  const auto add_days = [&](int days) {
    const std::set<absl::Time> from = moments;
    for (const absl::Time time : from) moments.insert(time + days * kDay);
  };
  add_days(account.rules.churn_grace_days());
  add_days(account.rules.adoption_after_days());
  add_days(account.rules.success_after_days());
  moments.erase(moments.upper_bound(as_of), moments.end());
  return moments;
}

class Life {
 public:
  explicit Life(const PlainAccount& account) : account_(account), rules_(account.rules), milestones_(EndingMilestones(account)) {}

  void LookAt(absl::Time now) {
    if (HasTrialAt(account_, now) && !tried_) {
      tried_ = true;
      if (phases_.empty() && !paying_) Enter(v1::LIFECYCLE_PHASE_TRIAL, now, "a trial began");
    }
    const bool pays = MrrAt(account_, now) > 0;
    if (pays && !paying_) BeginToPay(now);
    if (!pays && paying_ && Phase() != v1::LIFECYCLE_PHASE_CHURNED) lost_ = now;
    paying_ = pays;
    FollowRules(now);
    const auto move = account_.moves.find(now);
    if (move != account_.moves.end()) Move(now, move->second);
  }
  std::vector<PlainPhase> phases() const { return phases_; }

 private:
  v1::LifecyclePhase Phase() const { return phases_.empty() ? v1::LIFECYCLE_PHASE_UNSPECIFIED : phases_.back().phase; }

  // Of several changes at one moment the last is kept, and each enters another phase.
  void Enter(v1::LifecyclePhase phase, absl::Time time, const std::string& cause, const std::string& author = "") {
    counted_from_ = time;
    if (!phases_.empty() && phases_.back().time == time) phases_.pop_back();
    if (Phase() != phase) phases_.push_back({phase, time, cause, author});
  }

  // Why onboarding is over by now, the earliest reason; nothing while it is not.
  std::optional<std::string> WhyOnboarded(absl::Time now) const {
    if (onboarded_by_hand_) return "";
    const absl::Time deadline = rules_.adoption_after_days() > 0
                                    ? onboarding_since_ + rules_.adoption_after_days() * kDay
                                    : absl::InfiniteFuture();
    for (const auto& [time, milestone] : milestones_) {
      if (time <= milestones_after_) continue;
      if (time > now || std::max(time, onboarding_since_) >= deadline) break;
      if (milestone.step() == "first_value" && AsksFor(rules_, "first_value")) return "first value was reached";
      if (AsksFor(rules_, milestone.step())) return absl::StrCat("the step ", milestone.step(), " was reached");
      return absl::StrCat("onboarding progress reached ", rules_.adoption_at_progress() * 100, " %");
    }
    if (deadline > now) return std::nullopt;
    return absl::StrCat("onboarding took ", rules_.adoption_after_days(), " days, the longest");
  }

  void BeginToPay(absl::Time now) {
    const bool within_grace = lost_.has_value();
    lost_.reset();
    const bool first = !has_paid_;
    has_paid_ = true;
    if (within_grace) return;
    if (first && !onboarded_by_hand_) onboarding_since_ = now;
    const bool over = WhyOnboarded(now).has_value();
    // The first time, what ended onboarding before it began is told by the rules.
    const bool adopts = over && (!first || onboarded_by_hand_);
    Enter(adopts ? v1::LIFECYCLE_PHASE_ADOPTION : v1::LIFECYCLE_PHASE_ONBOARDING, now,
          first ? "the first paid subscription began" : "came back: a paid subscription began again");
  }

  void FollowRules(absl::Time now) {
    if (!paying_ && lost_.has_value() && now >= *lost_ + rules_.churn_grace_days() * kDay) {
      lost_.reset();
      Enter(v1::LIFECYCLE_PHASE_CHURNED, now,
            rules_.churn_grace_days() == 0
                ? "no paid subscription is left"
                : absl::StrCat("no paid subscription for ", rules_.churn_grace_days(), " days"));
    }
    if (!paying_) return;
    if (Phase() == v1::LIFECYCLE_PHASE_ONBOARDING && WhyOnboarded(now).has_value()) {
      Enter(v1::LIFECYCLE_PHASE_ADOPTION, now, *WhyOnboarded(now));
    }
    if (Phase() == v1::LIFECYCLE_PHASE_ADOPTION && now >= counted_from_ + rules_.success_after_days() * kDay &&
        GoalsAchievedAt(account_, now) >= rules_.success_after_goals()) {
      std::string cause = absl::StrCat("in adoption and paying for ", rules_.success_after_days(), " days");
      if (rules_.success_after_goals() > 0) {
        absl::StrAppend(&cause, ", with goals achieved: ", rules_.success_after_goals());
      }
      Enter(v1::LIFECYCLE_PHASE_SUCCESS, now, cause);
    }
  }

  void Move(absl::Time now, const PlainMove& move) {
    Enter(move.phase, now, move.reason, move.author);
    if (move.phase == v1::LIFECYCLE_PHASE_ONBOARDING) {
      onboarding_since_ = milestones_after_ = now;
      onboarded_by_hand_ = false;
    }
    if (move.phase == v1::LIFECYCLE_PHASE_ADOPTION || move.phase == v1::LIFECYCLE_PHASE_SUCCESS) {
      onboarded_by_hand_ = true;
    }
    if (move.phase == v1::LIFECYCLE_PHASE_CHURNED) lost_.reset();
  }

  const PlainAccount& account_;
  const v1::LifecycleRules& rules_;
  const std::map<absl::Time, v1::Milestone> milestones_;
  std::vector<PlainPhase> phases_;
  bool tried_ = false;
  bool paying_ = false;
  bool has_paid_ = false;
  std::optional<absl::Time> lost_;  // since when nothing is paid, while it does not count as churned yet
  absl::Time counted_from_;         // what the rules count in days
  absl::Time onboarding_since_;
  absl::Time milestones_after_ = absl::InfinitePast();
  bool onboarded_by_hand_ = false;
};

}  // namespace

std::vector<PlainPhase> PhasesBy(const PlainAccount& account, absl::Time as_of) {
  Life life(account);
  for (const absl::Time time : MomentsToLookAt(account, as_of)) life.LookAt(time);
  return life.phases();
}

Code PlainModel::Apply(const v1::UpdateLifecycleRulesRequest& request) {
  if (request.rules().success_after_days() < 1) return Code::INVALID_ARGUMENT;
  v1::LifecycleRules rules = request.rules();
  rules.set_revision(rules_.revision());
  if (!Same(rules, rules_)) {
    rules.set_revision(rules_.revision() + 1);
    rules_ = rules;
  }
  return Code::OK;
}

Code PlainModel::Apply(const v1::MoveAccountPhaseRequest& request) {
  const absl::Time time = request.has_effective_time() ? TimeOf(request.effective_time()) : now_;
  if (time > now_) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(request.name());
  if (account == nullptr || account->states.begin()->first > now_) return Code::NOT_FOUND;
  PlainAccount without = Counted(*account);
  without.moves.erase(time);
  const std::vector<PlainPhase> phases = PhasesBy(without, time);
  if (!phases.empty() && phases.back().phase == request.phase()) return Code::INVALID_ARGUMENT;
  const PlainMove move{request.phase(), request.reason(), request.author()};
  const auto standing = account->moves.find(time);
  if (standing != account->moves.end()) {
    if (standing->second == move) return Code::OK;
    TraceOf(*account, time).undone = request.author() + ": replaced by a move to " +
                                     v1::LifecyclePhase_Name(request.phase()).substr(std::string("LIFECYCLE_PHASE_").size());
  }
  account->moves[time] = move;
  account->traces.push_back({time, move});
  return Code::OK;
}

Code PlainModel::Apply(const v1::UndoPhaseMoveRequest& request) {
  PlainAccount* account = LiveOf(request.name());
  const absl::Time time = TimeOf(request.effective_time());
  if (account == nullptr || account->moves.erase(time) == 0) return Code::NOT_FOUND;
  TraceOf(*account, time).undone = request.author() + ": " + request.reason();
  return Code::OK;
}

PlainTrace& PlainModel::TraceOf(PlainAccount& account, absl::Time time) {
  return *std::find_if(account.traces.begin(), account.traces.end(),
                       [&](const PlainTrace& trace) { return trace.time == time && trace.undone.empty(); });
}

}  // namespace perennial::accounts::testing
