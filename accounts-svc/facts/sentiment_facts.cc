#include <algorithm>

#include "accounts-svc/facts/fact_groups.h"
#include "accounts-svc/facts/lifecycle.h"

namespace perennial::accounts {
namespace {

const Survey* Latest(const std::vector<Survey>& surveys, SurveyKind kind) {
  const Survey* latest = nullptr;
  for (const Survey& survey : surveys) {
    if (survey.kind == kind) latest = &survey;  // they are in order of time
  }
  return latest;
}

void PutSurveyFacts(const AccountHistory& history, FactSink& sink) {
  if (const Survey* nps = Latest(history.surveys, SurveyKind::kNps)) {
    sink.Put("nps.latest", nps->score);
    sink.Put("nps.days_since", sink.DaysSince(nps->time));
  }
  if (const Survey* pulse = Latest(history.surveys, SurveyKind::kPulse)) {
    sink.Put("pulse.latest", pulse->score);
    sink.Put("pulse.days_since", sink.DaysSince(pulse->time));
  }
  double sum = 0;
  int count = 0;
  const absl::Time begin = sink.WindowStart(90);
  for (const Survey& survey : history.surveys) {
    if (survey.kind != SurveyKind::kCsat || survey.time < begin) continue;
    sum += survey.score;
    ++count;
  }
  for (const Ticket& ticket : history.tickets) {
    if (!ticket.satisfaction.has_value() || ticket.resolved.value_or(ticket.updated) < begin) continue;
    sum += *ticket.satisfaction;
    ++count;
  }
  if (count > 0) sink.Put("csat.avg_90d", sum / count);
  sink.Put("csat.count_90d", count);
}

// When onboarding was over: a milestone said so, or the account went on to a later phase.
absl::Time EndOfOnboarding(const AccountHistory& history, const std::vector<PhaseChange>& phases) {
  absl::Time end = absl::InfiniteFuture();
  for (const Milestone& milestone : history.milestones) {
    if (milestone.progress.value_or(0) >= 1) end = std::min(end, milestone.time);
  }
  for (const PhaseChange& change : phases) {
    if (change.phase == Phase::kAdoption || change.phase == Phase::kSuccess) return std::min(end, change.time);
  }
  return end;
}

void PutOnboardingFacts(const AccountHistory& history, const std::vector<PhaseChange>& phases, FactSink& sink) {
  std::optional<double> progress;
  absl::Time first_value = absl::InfiniteFuture();
  for (const Milestone& milestone : history.milestones) {
    if (milestone.progress.has_value()) progress = std::max(progress.value_or(0), *milestone.progress);
    if (milestone.step == "first_value") first_value = std::min(first_value, milestone.time);
  }
  sink.Put("onboarding.progress", progress);
  const absl::Time start = OnboardingStart(history);
  if (start > sink.as_of()) return;
  const auto days = [&](absl::Time until) { return std::max<double>(0, static_cast<double>(DayOf(until) - DayOf(start))); };
  sink.Put("onboarding.days", days(std::min(EndOfOnboarding(history, phases), sink.as_of())));
  if (first_value <= sink.as_of()) sink.Put("onboarding.first_value_days", days(first_value));
}

void PutChurnReports(const AccountHistory& history, FactSink& sink) {
  int reports = 0;
  for (const ChurnReport& report : history.churn_reports) {
    if (report.time >= sink.WindowStart(365)) ++reports;
  }
  sink.Put("churn.reports_365d", reports);
  if (history.churn_reports.empty()) return;
  sink.Put("churn.days_since_report", sink.DaysSince(history.churn_reports.back().time));
  sink.PutText("churn.last_reason", history.churn_reports.back().reason);
}

}  // namespace

void PutSentimentFacts(const AccountHistory& history, const std::vector<PhaseChange>& phases, FactSink& sink) {
  PutSurveyFacts(history, sink);
  PutOnboardingFacts(history, phases, sink);
  PutChurnReports(history, sink);
}

}  // namespace perennial::accounts
