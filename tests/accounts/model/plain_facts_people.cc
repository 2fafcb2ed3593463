// The meaning of the facts of touch, support, sentiment, onboarding, churn, silence and goals, from docs/facts.md.
#include "absl/strings/str_cat.h"
#include "tests/accounts/model/plain_moment.h"

namespace perennial::accounts::testing {
namespace {

class PeopleFacts : PlainMoment {
 public:
  using PlainMoment::PlainMoment;

  void Add() {
    AddTouch();
    AddSupport();
    AddSurveys();
    AddOnboarding();
    AddChurnReports();
    AddSilent();
    AddGoals();
  }

 private:
  void AddTouch() {
    const absl::Time first_90d_end = Midnight(DayNumber(account_.customer_since) + 90);
    double in_30d = 0;
    double in_90d = 0;
    double inbound = 0;
    bool engaged = false;
    for (const v1::Record& record : Happened(v1::Record::kTouchpoint)) {
      const absl::Time time = TimeOf(record.event_time());
      if (Within(time, 30)) ++in_30d;
      if (Within(time, 90)) ++in_90d;
      if (Within(time, 90) && record.touchpoint().direction() == v1::TOUCHPOINT_DIRECTION_INBOUND) ++inbound;
      if (time >= account_.customer_since && time < first_90d_end) engaged = true;
      facts_["touch.days_since_last"] = DaysSince(time);
    }
    facts_["touch.count_30d"] = in_30d;
    facts_["touch.count_90d"] = in_90d;
    facts_["touch.inbound_90d"] = inbound;
    if (engaged || as_of_ >= first_90d_end) facts_["touch.engaged_first_90d"] = engaged;
  }

  void AddPromise(bool promised, absl::Time due, bool done, absl::Time when, Mean& kept) const {
    if (!promised) return;
    const absl::Time decided = done && when < due ? when : due;
    if (Within(decided, 90)) kept.Add(done && when <= due ? 1 : 0);
  }

  void AddSupport() {
    double open = 0;
    double urgent = 0;
    double unanswered = 0;
    double opened_30d = 0;
    double opened_90d = 0;
    Mean response;
    Mean resolution;
    Mean kept;
    for (const v1::Record& record : Tickets()) {
      const v1::Ticket& ticket = record.ticket();
      const absl::Time opened = TimeOf(record.event_time());
      const absl::Time answered = TimeOf(ticket.first_response_time());
      const absl::Time resolved = TimeOf(ticket.resolve_time());
      const bool is_urgent = !ticket.has_resolve_time() && ticket.priority() == v1::TICKET_PRIORITY_URGENT;
      if (!ticket.has_resolve_time()) ++open;
      if (is_urgent) ++urgent;
      if (is_urgent && !ticket.has_first_response_time()) ++unanswered;
      if (Within(opened, 30)) ++opened_30d;
      if (Within(opened, 90)) ++opened_90d;
      if (Within(opened, 90) && ticket.has_first_response_time()) response.Add(absl::ToDoubleHours(answered - opened));
      if (ticket.has_resolve_time() && Within(resolved, 90)) resolution.Add(absl::ToDoubleHours(resolved - opened));
      AddPromise(ticket.has_first_response_due_time(), TimeOf(ticket.first_response_due_time()),
                 ticket.has_first_response_time(), answered, kept);
      AddPromise(ticket.has_resolve_due_time(), TimeOf(ticket.resolve_due_time()), ticket.has_resolve_time(), resolved,
                 kept);
      const auto last = facts_.find("support.days_since_last");
      if (last == facts_.end() || DaysSince(opened) < std::get<double>(last->second)) {
        facts_["support.days_since_last"] = DaysSince(opened);
      }
    }
    facts_["support.open"] = open;
    facts_["support.open_urgent"] = urgent;
    facts_["support.unanswered_urgent"] = unanswered;
    facts_["support.opened_30d"] = opened_30d;
    facts_["support.opened_90d"] = opened_90d;
    PutMean("support.first_response_hours_90d", response);
    PutMean("support.resolution_hours_90d", resolution);
    PutMean("support.on_time_rate_90d", kept);
  }

  void AddSurveys() {
    Mean csat;
    for (const v1::Record& record : Happened(v1::Record::kSurvey)) {
      const absl::Time time = TimeOf(record.event_time());
      const double score = record.survey().score();
      if (record.survey().kind() == v1::SURVEY_KIND_CSAT && Within(time, 90)) csat.Add(score);
      for (const auto& [kind, name] :
           {std::pair(v1::SURVEY_KIND_NPS, "nps"), std::pair(v1::SURVEY_KIND_PULSE, "pulse")}) {
        if (record.survey().kind() != kind) continue;
        facts_[absl::StrCat(name, ".latest")] = score;
        facts_[absl::StrCat(name, ".days_since")] = DaysSince(time);
      }
    }
    for (const v1::Record& record : Tickets()) {
      const v1::Ticket& ticket = record.ticket();
      if (!ticket.has_satisfaction()) continue;
      const absl::Time time = TimeOf(ticket.has_resolve_time() ? ticket.resolve_time() : ticket.update_time());
      if (Within(time, 90)) csat.Add(ticket.satisfaction());
    }
    PutMean("csat.avg_90d", csat);
    facts_["csat.count_90d"] = static_cast<double>(csat.count);
  }

  void AddOnboarding() {
    std::optional<absl::Time> done;
    std::optional<absl::Time> first_value;
    for (const v1::Record& record : Happened(v1::Record::kMilestone)) {
      const v1::Milestone& milestone = record.milestone();
      const absl::Time time = TimeOf(record.event_time());
      if (milestone.has_progress()) {
        double& progress = std::get<double>(facts_.try_emplace("onboarding.progress", 0.0).first->second);
        progress = std::max(progress, milestone.progress());
      }
      if (milestone.progress() >= 1 && !done.has_value()) done = time;
      if (milestone.step() == "first_value" && !first_value.has_value()) first_value = time;
    }
    std::optional<absl::Time> start;
    for (const auto& [id, subscription] : account_.subscriptions) {
      if (subscription.start <= as_of_) start = std::min(start.value_or(subscription.start), subscription.start);
    }
    if (!start.has_value()) return;
    const auto days_until = [&](absl::Time time) {
      return std::max<double>(0, static_cast<double>(DayNumber(time) - DayNumber(*start)));
    };
    for (const PlainPhase& phase : PhasesBy(account_, as_of_)) {
      const bool over = phase.phase == v1::LIFECYCLE_PHASE_ADOPTION || phase.phase == v1::LIFECYCLE_PHASE_SUCCESS;
      if (over) done = std::min(done.value_or(phase.time), phase.time);
    }
    facts_["onboarding.days"] = days_until(done.value_or(as_of_));
    if (first_value.has_value()) facts_["onboarding.first_value_days"] = days_until(*first_value);
  }

  void AddChurnReports() {
    double reports = 0;
    for (const v1::Record& record : Happened(v1::Record::kChurnReport)) {
      const absl::Time time = TimeOf(record.event_time());
      if (Within(time, 365)) ++reports;
      facts_["churn.days_since_report"] = DaysSince(time);
      facts_.erase("churn.last_reason");
      if (!record.churn_report().reason().empty()) facts_["churn.last_reason"] = record.churn_report().reason();
    }
    facts_["churn.reports_365d"] = reports;
  }

  void AddSilent() {
    if (!facts_.contains("usage.breadth_30d")) return;
    const auto change = facts_.find("usage.change_30d");
    const bool falling = change != facts_.end() && std::get<double>(change->second) <= -0.1;
    const bool absent = std::get<double>(facts_["usage.breadth_30d"]) == 0;
    const bool heard = std::get<double>(facts_["support.opened_90d"]) > 0 ||
                       std::get<double>(facts_["touch.inbound_90d"]) > 0;
    facts_["silent"] = (falling || absent) && !heard;
  }

  void AddGoals() {
    double active = 0;
    double achieved = 0;
    double overdue = 0;
    Mean progress;
    for (const auto& [id, versions] : account_.goals) {
      const PlainVersion<v1::Goal>* then = nullptr;
      for (const auto& version : versions) {
        if (version.since <= as_of_) then = &version;
      }
      if (then == nullptr || then->deleted || then->state.state() == v1::GOAL_STATE_CANCELLED) continue;
      const std::optional<double> done = GoalProgress(then->state, facts_);
      if (done.has_value()) progress.Add(*done);
      if (done == 1) {
        ++achieved;
        continue;
      }
      ++active;
      if (then->state.has_due_time() && TimeOf(then->state.due_time()) < as_of_) ++overdue;
    }
    facts_["goals.active"] = active;
    facts_["goals.achieved"] = achieved;
    facts_["goals.overdue"] = overdue;
    PutMean("goals.progress", progress);
  }
};

}  // namespace

std::optional<double> GoalProgress(const v1::Goal& goal, const FactMap& facts) {
  if (goal.state() == v1::GOAL_STATE_ACHIEVED) return 1;
  std::optional<double> value;
  if (goal.fact().empty()) {
    if (goal.has_current_value()) value = goal.current_value();
  } else if (const auto fact = facts.find(goal.fact()); fact != facts.end()) {
    value = std::get<double>(fact->second);
  }
  if (!value.has_value()) return std::nullopt;
  const bool rising = goal.target_value() > goal.start_value();
  if (rising ? *value >= goal.target_value() : *value <= goal.target_value()) return 1;
  return std::max(0.0, (*value - goal.start_value()) / (goal.target_value() - goal.start_value()));
}

void AddPeopleFacts(const PlainAccount& account, absl::Time as_of, FactMap& facts) {
  PeopleFacts(account, as_of, facts).Add();
}

}  // namespace perennial::accounts::testing
