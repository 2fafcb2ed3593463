#include "accounts-svc/facts/fact_definitions.h"

#include "absl/strings/str_cat.h"

namespace perennial::accounts {
namespace {

using facts::FactDefinition;
using enum facts::FactType;

void AddAccountFacts(std::vector<FactDefinition>& out) {
  out.push_back({.name = "name", .type = kString, .meaning = "What people call the account."});
  out.push_back({.name = "owner", .type = kString, .meaning = "Who looks after the account; unknown when nobody does."});
  out.push_back({.name = "tags", .type = kStringSet, .meaning = "Labels of the account."});
  out.push_back({.name = "parent", .type = kString, .meaning = "Id of the parent account; unknown without one."});
  out.push_back({.name = "tenure_days", .unit = "days", .meaning = "Days since the customer relationship began."});
  out.push_back({.name = "phase", .type = kString,
                 .meaning = "Lifecycle phase: TRIAL, ONBOARDING, ADOPTION, SUCCESS or CHURNED; unknown without subscription.",
                 .change_fact = "phase_days"});
  out.push_back({.name = "phase_days", .unit = "days", .meaning = "Days since the phase was entered."});
}

void AddRevenueFacts(const std::string& money, std::vector<FactDefinition>& out) {
  out.push_back({.name = "plan", .type = kString, .meaning = "Plan of the active subscription with the highest MRR."});
  out.push_back({.name = "mrr", .unit = money, .meaning = "Monthly recurring revenue; trials count none. Unknown for an "
                                                          "account that never had a subscription."});
  out.push_back({.name = "arr", .unit = money, .meaning = "Annual recurring revenue: 12 times MRR."});
  out.push_back({.name = "seats", .unit = "seats", .meaning = "Licensed seats of all active subscriptions."});
  out.push_back({.name = "is_trial", .type = kBool, .meaning = "Has an active trial and no paid subscription."});
  out.push_back({.name = "trial_days_left", .unit = "days", .meaning = "Days until the next trial ends; unknown without."});
  out.push_back({.name = "renewal_days", .unit = "days",
                 .meaning = "Days until the next renewal of an active paid subscription; unknown when none is given."});
  out.push_back({.name = "auto_renew", .type = kBool, .meaning = "Whether that subscription renews by itself."});
  for (const char* window : {"30d", "90d", "365d"}) {
    const auto add = [&](absl::string_view name, absl::string_view meaning) {
      out.push_back({.name = absl::StrCat("revenue.", name, "_", window), .unit = money,
                     .meaning = absl::StrCat(meaning, " (", window, ").")});
    };
    add("start", "MRR when the window began");
    add("new", "MRR won for the first time in the window");
    add("expansion", "MRR added by expansion in the window");
    add("contraction", "MRR lost by contraction in the window, positive");
    add("churned", "MRR lost by churn in the window, positive");
    add("reactivated", "MRR won back in the window");
  }
}

void AddUsageFacts(std::vector<FactDefinition>& out) {
  out.push_back({.name = "usage.days_since_last", .unit = "days", .meaning = "Days since anything was last used."});
  out.push_back({.name = "usage.change_30d", .unit = "share",
                 .meaning = "Change of use, 30 days against the 30 before, over all metrics, each weighed by the account's "
                            "own level over 90 days so that none dominates; unknown when nothing was used before.",
                 .age_fact = "usage.days_since_last"});
  out.push_back({.name = "usage.breadth_30d", .unit = "share 0-1",
                 .meaning = "Metrics used in 30 days as a share of the metrics known."});
  out.push_back({.name = "usage.seat_utilisation_30d", .unit = "share",
                 .meaning = "Users seen in 30 days as a share of the seats; unknown without seats or without named users."});
}

void AddContactFacts(std::vector<FactDefinition>& out) {
  out.push_back({.name = "touch.days_since_last", .unit = "days", .meaning = "Days since the last touchpoint."});
  out.push_back({.name = "touch.count_30d", .unit = "touchpoints", .meaning = "Touchpoints in 30 days."});
  out.push_back({.name = "touch.count_90d", .unit = "touchpoints", .meaning = "Touchpoints in 90 days."});
  out.push_back({.name = "touch.inbound_90d", .unit = "touchpoints", .meaning = "Touchpoints that the customer began, 90 days."});
  out.push_back({.name = "touch.engaged_first_90d", .type = kBool,
                 .meaning = "A touchpoint took place in the first 90 days; unknown while they run and none did."});
  out.push_back({.name = "support.open", .unit = "tickets", .meaning = "Open tickets."});
  out.push_back({.name = "support.open_urgent", .unit = "tickets", .meaning = "Open urgent tickets."});
  out.push_back({.name = "support.unanswered_urgent", .unit = "tickets", .meaning = "Open urgent tickets nobody has answered."});
  out.push_back({.name = "support.opened_30d", .unit = "tickets", .meaning = "Tickets opened in 30 days."});
  out.push_back({.name = "support.opened_90d", .unit = "tickets", .meaning = "Tickets opened in 90 days."});
  out.push_back({.name = "support.first_response_hours_90d", .unit = "hours",
                 .meaning = "Mean time to the first answer, tickets opened in 90 days and answered; unknown without."});
  out.push_back({.name = "support.resolution_hours_90d", .unit = "hours",
                 .meaning = "Mean time to resolution, tickets resolved in 90 days; unknown without."});
  out.push_back({.name = "support.on_time_rate_90d", .unit = "share 0-1",
                 .meaning = "Promised times that fell due in 90 days and were kept; unknown when none fell due."});
  out.push_back({.name = "support.days_since_last", .unit = "days", .meaning = "Days since a ticket was last opened."});
}

void AddSentimentFacts(std::vector<FactDefinition>& out) {
  out.push_back({.name = "nps.latest", .unit = "0-10", .meaning = "Latest NPS answer.", .age_fact = "nps.days_since"});
  out.push_back({.name = "nps.days_since", .unit = "days", .meaning = "Days since that answer."});
  out.push_back({.name = "csat.avg_90d", .unit = "1-5", .meaning = "Mean satisfaction of surveys and tickets in 90 days."});
  out.push_back({.name = "csat.count_90d", .unit = "answers", .meaning = "How many answers that mean rests on."});
  out.push_back({.name = "pulse.latest", .unit = "0-100", .meaning = "The success manager's latest judgement.",
                 .age_fact = "pulse.days_since"});
  out.push_back({.name = "pulse.days_since", .unit = "days", .meaning = "Days since that judgement."});
  out.push_back({.name = "onboarding.progress", .unit = "share 0-1", .meaning = "Share of onboarding done; unknown without milestones."});
  out.push_back({.name = "onboarding.days", .unit = "days",
                 .meaning = "Days that onboarding took, or has taken so far; unknown without subscription."});
  out.push_back({.name = "onboarding.first_value_days", .unit = "days",
                 .meaning = "Days from the first subscription to first value; unknown until it is reached."});
  out.push_back({.name = "silent", .type = kBool,
                 .meaning = "Use is falling (by 10 % or more in 30 days) or absent, and there was no ticket and no inbound "
                            "touchpoint in 90 days. Unknown when no use was ever reported."});
  out.push_back({.name = "churn.reports_365d", .unit = "reports", .meaning = "Reports of leaving in 365 days."});
  out.push_back({.name = "churn.days_since_report", .unit = "days", .meaning = "Days since the last report of leaving."});
  out.push_back({.name = "churn.last_reason", .type = kString, .meaning = "Reason given in that report."});
}

void AddGoalFacts(std::vector<FactDefinition>& out) {
  out.push_back({.name = "goals.active", .unit = "goals", .meaning = "Goals of the customer that are being worked on."});
  out.push_back({.name = "goals.achieved", .unit = "goals", .meaning = "Goals of the customer that were reached."});
  out.push_back({.name = "goals.overdue", .unit = "goals", .meaning = "Active goals whose due time has passed."});
  out.push_back({.name = "goals.progress", .unit = "share 0-1",
                 .meaning = "Mean progress of active and achieved goals; unknown when that of none is known."});
}

}  // namespace

std::vector<FactDefinition> FixedFactDefinitions(absl::string_view reporting_currency) {
  std::vector<FactDefinition> out;
  AddAccountFacts(out);
  AddRevenueFacts(absl::StrCat(reporting_currency, " per month"), out);
  AddUsageFacts(out);
  AddContactFacts(out);
  AddSentimentFacts(out);
  AddGoalFacts(out);
  for (FactDefinition& definition : out) {
    if (definition.name == "arr") definition.unit = absl::StrCat(reporting_currency, " per year");
  }
  return out;
}

std::vector<FactDefinition> MetricFactDefinitions(absl::string_view metric) {
  const std::string prefix = absl::StrCat("usage.", metric, ".");
  const std::string age = prefix + "days_since_last";
  std::vector<FactDefinition> out;
  const auto add = [&](absl::string_view name, absl::string_view unit, absl::string_view meaning, bool ages) {
    out.push_back({.name = absl::StrCat(prefix, name), .unit = std::string(unit),
                   .meaning = absl::StrCat(metric, ": ", meaning), .age_fact = ages ? age : ""});
  };
  add("sum_7d", "units", "sum over 7 days.", false);
  add("sum_30d", "units", "sum over 30 days.", false);
  add("sum_prev_30d", "units", "sum over the 30 days before those.", false);
  add("change_30d", "share", "change of the 30-day sum; unknown when the earlier one is 0.", true);
  add("sum_90d", "units", "sum over 90 days.", false);
  add("active_days_30d", "days", "days with use in 30 days.", false);
  add("users_30d", "users", "users in 30 days; unknown when no event ever named one.", false);
  add("days_since_last", "days", "days since it was last used; unknown when it never was.", false);
  return out;
}

FactDefinition AttributeFactDefinition(absl::string_view key, facts::FactType type) {
  return {.name = absl::StrCat("attributes.", key), .type = type,
          .meaning = absl::StrCat("Attribute ", key, ", as imported.")};
}

}  // namespace perennial::accounts
