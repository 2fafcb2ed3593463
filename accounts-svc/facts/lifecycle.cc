#include "accounts-svc/facts/lifecycle.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial::accounts {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

// A step that the rules take by themselves.
struct Step {
  absl::Time time = absl::InfiniteFuture();
  Phase phase = Phase::kUnknown;
  std::string cause = {};
};

bool Completes(const Milestone& milestone, const LifecycleRules& rules) {
  if (rules.adoption_at_progress.has_value() && milestone.progress.has_value() &&
      *milestone.progress >= *rules.adoption_at_progress) {
    return true;
  }
  const auto& steps = rules.adoption_at_steps;
  return std::find(steps.begin(), steps.end(), milestone.step) != steps.end();
}

std::string CauseOf(const Milestone& milestone, const LifecycleRules& rules) {
  const auto& steps = rules.adoption_at_steps;
  if (std::find(steps.begin(), steps.end(), milestone.step) == steps.end()) {
    return absl::StrCat("onboarding progress reached ", *rules.adoption_at_progress * 100, " %");
  }
  if (milestone.step == "first_value") return "first value was reached";
  return absl::StrCat("the step ", milestone.step, " was reached");
}

// The earliest reason for which onboarding that began at `start` is over. Milestones until `after` do not count.
Step EndOfOnboarding(const AccountHistory& history, absl::Time start, absl::Time after) {
  const LifecycleRules& rules = history.rules;
  Step end{.phase = Phase::kAdoption};
  if (rules.adoption_after_days > 0) {
    end.time = start + rules.adoption_after_days * kDay;
    end.cause = absl::StrCat("onboarding took ", rules.adoption_after_days, " days, the longest");
  }
  for (const Milestone& milestone : history.milestones) {
    if (milestone.time <= after || !Completes(milestone, rules)) continue;
    const absl::Time time = std::max(milestone.time, start);
    if (time < end.time) end = {time, Phase::kAdoption, CauseOf(milestone, rules)};
  }
  return end;
}

// A trial that was changed into something else, or ended, before it began was none.
std::optional<absl::Time> FirstTrial(const AccountHistory& history) {
  std::optional<absl::Time> first;
  for (std::size_t i = 0; i < history.subscriptions.size(); ++i) {
    const SubscriptionVersion& version = history.subscriptions[i];
    const SubscriptionVersion* next = i + 1 < history.subscriptions.size() ? &history.subscriptions[i + 1] : nullptr;
    const absl::Time from = std::max(version.start, version.effective);
    absl::Time until = version.state.end.value_or(absl::InfiniteFuture());
    if (next != nullptr && next->id == version.id) until = std::min(until, next->effective);
    if (version.state.trial && from < until && (!first.has_value() || from < *first)) first = from;
  }
  return first;
}

// Something that happens to an account. At one moment the kinds happen in this order.
struct Event {
  enum class Kind { kTrial, kMrr, kMove };
  absl::Time time;
  Kind kind = Kind::kTrial;
  std::size_t index = 0;  // of the point or the move
};

// The course of an account's phases, told event by event in the order of time.
class Course {
 public:
  explicit Course(const AccountHistory& history) : history_(history), rules_(history.rules) {}

  // Lets the rules take what steps come by themselves: until before `time`, or until `time` itself.
  void RunUntilBefore(absl::Time time) {
    for (Step step = Next(); step.time < time; step = Next()) Take(step);
  }
  void RunUntil(absl::Time time) {
    for (Step step = Next(); step.time <= time && step.time != absl::InfiniteFuture(); step = Next()) Take(step);
  }

  void BeginTrial(absl::Time time) {
    if (present_ == Phase::kUnknown && !paying_) Enter(Phase::kTrial, time, "a trial began", "");
  }

  void SetMrr(absl::Time time, Micros mrr) {
    if ((mrr > 0) == paying_) return;
    if (mrr > 0) return BeginPaying(time);
    paying_ = false;
    if (present_ != Phase::kChurned) churn_ = time + rules_.churn_grace_days * kDay;
  }

  void Move(const PhaseMove& move) {
    Enter(move.phase, move.time, move.reason, move.author);
    since_ = adopting_since_ = move.time;
    switch (move.phase) {
      case Phase::kOnboarding:
        milestones_after_ = move.time;
        onboarded_ = EndOfOnboarding(history_, move.time, move.time);
        onboarded_by_hand_ = false;
        break;
      case Phase::kAdoption:
      case Phase::kSuccess:
        onboarded_ = {.time = move.time, .phase = Phase::kAdoption};
        onboarded_by_hand_ = true;
        break;
      case Phase::kChurned:
        churn_ = absl::InfiniteFuture();
        break;
      default:
        break;
    }
  }

  std::vector<PhaseChange> Result() { return std::move(changes_); }

 private:
  void BeginPaying(absl::Time time) {
    paying_ = true;
    since_ = time;
    const bool back = std::exchange(has_paid_, true);
    const bool within_grace = std::exchange(churn_, absl::InfiniteFuture()) != absl::InfiniteFuture();
    if (within_grace) return;  // for the phases it never stopped
    if (!back && !onboarded_by_hand_) onboarded_ = EndOfOnboarding(history_, time, milestones_after_);
    adopting_since_ = time;
    const bool over = onboarded_.time <= time;
    std::string cause = "the first paid subscription began";
    if (back) {
      cause = "came back: a paid subscription began again";
    } else if (over && !onboarded_by_hand_) {
      cause = onboarded_.cause;
    }
    Enter(over ? Phase::kAdoption : Phase::kOnboarding, time, cause, "");
  }

  // The next step that the rules take when nothing happens before.
  [[nodiscard]] Step Next() const {
    if (!paying_) {
      if (rules_.churn_grace_days == 0) return {churn_, Phase::kChurned, "no paid subscription is left"};
      return {churn_, Phase::kChurned, absl::StrCat("no paid subscription for ", rules_.churn_grace_days, " days")};
    }
    if (present_ == Phase::kOnboarding) return {std::max(onboarded_.time, since_), Phase::kAdoption, onboarded_.cause};
    if (present_ != Phase::kAdoption) return {};
    const absl::Time soonest = std::max(adopting_since_ + rules_.success_after_days * kDay, since_);
    std::string cause = absl::StrCat("in adoption and paying for ", rules_.success_after_days, " days");
    if (rules_.success_after_goals > 0) {
      absl::StrAppend(&cause, ", with goals achieved: ", rules_.success_after_goals);
    }
    return {WithGoals(soonest), Phase::kSuccess, std::move(cause)};
  }

  // The first moment from `soonest` on at which enough goals are achieved.
  [[nodiscard]] absl::Time WithGoals(absl::Time soonest) const {
    if (rules_.success_after_goals == 0) return soonest;
    int achieved = 0;
    for (const Achievements& from : history_.achievements) {
      if (from.time > soonest && achieved >= rules_.success_after_goals) return soonest;
      achieved = from.goals;
      if (from.time > soonest && achieved >= rules_.success_after_goals) return from.time;
    }
    return achieved >= rules_.success_after_goals ? soonest : absl::InfiniteFuture();
  }

  void Take(const Step& step) {
    Enter(step.phase, step.time, step.cause, "");
    since_ = adopting_since_ = step.time;
    if (step.phase == Phase::kChurned) churn_ = absl::InfiniteFuture();
  }

  void Enter(Phase phase, absl::Time time, const std::string& cause, const std::string& author) {
    present_ = phase;
    if (!changes_.empty() && changes_.back().time == time) changes_.pop_back();
    if (changes_.empty() || changes_.back().phase != phase) changes_.push_back({phase, time, cause, author});
  }

  const AccountHistory& history_;
  const LifecycleRules& rules_;
  std::vector<PhaseChange> changes_;
  Phase present_ = Phase::kUnknown;
  bool paying_ = false;
  bool has_paid_ = false;
  // No step is taken before this: something happened then that it had to wait for.
  absl::Time since_ = absl::InfinitePast();
  absl::Time adopting_since_ = absl::InfinitePast();  // since when adoption counts towards success
  Step onboarded_ = {};                               // when and why onboarding is over
  bool onboarded_by_hand_ = false;
  absl::Time milestones_after_ = absl::InfinitePast();  // earlier ones were before onboarding was begun anew by hand
  absl::Time churn_ = absl::InfiniteFuture();           // when it counts as churned unless it pays again
};

std::vector<Event> EventsUntil(const AccountHistory& history, const std::vector<MrrPoint>& mrr, absl::Time as_of) {
  std::vector<Event> events;
  const auto add = [&](absl::Time time, Event::Kind kind, std::size_t index) {
    if (time <= as_of) events.push_back({time, kind, index});
  };
  if (const auto trial = FirstTrial(history); trial.has_value()) add(*trial, Event::Kind::kTrial, 0);
  for (std::size_t i = 0; i < mrr.size(); ++i) add(mrr[i].time, Event::Kind::kMrr, i);
  for (std::size_t i = 0; i < history.moves.size(); ++i) add(history.moves[i].time, Event::Kind::kMove, i);
  std::stable_sort(events.begin(), events.end(),
                   [](const Event& a, const Event& b) { return std::tie(a.time, a.kind) < std::tie(b.time, b.kind); });
  return events;
}

}  // namespace

absl::string_view NameOf(Phase phase) {
  switch (phase) {
    case Phase::kUnknown:
      return "";
    case Phase::kTrial:
      return "TRIAL";
    case Phase::kOnboarding:
      return "ONBOARDING";
    case Phase::kAdoption:
      return "ADOPTION";
    case Phase::kSuccess:
      return "SUCCESS";
    case Phase::kChurned:
      return "CHURNED";
  }
  return "";
}

absl::Time OnboardingStart(const AccountHistory& history) {
  absl::Time start = absl::InfiniteFuture();
  for (const SubscriptionVersion& version : history.subscriptions) start = std::min(start, version.start);
  return start;
}

std::vector<PhaseChange> PhaseTimeline(const AccountHistory& history, const std::vector<MrrPoint>& mrr,
                                       absl::Time as_of) {
  Course course(history);
  for (const Event& event : EventsUntil(history, mrr, as_of)) {
    switch (event.kind) {
      case Event::Kind::kTrial:
        course.RunUntilBefore(event.time);
        course.BeginTrial(event.time);
        break;
      case Event::Kind::kMrr:
        course.RunUntilBefore(event.time);
        course.SetMrr(event.time, mrr[event.index].mrr);
        break;
      case Event::Kind::kMove:
        course.RunUntil(event.time);
        course.Move(history.moves[event.index]);
        break;
    }
  }
  course.RunUntil(as_of);
  return course.Result();
}

}  // namespace perennial::accounts
