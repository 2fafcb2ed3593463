#include "accounts-svc/check_record.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/check_fields.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr double kMostUsage = 1e15;  // sums stay exact integers far beyond any real use
constexpr int kMostParticipants = 64;

void CheckUsage(const v1::UsageEvent& usage, BadRequest& bad) {
  bad.AddIfError("usage.metric", CheckKey(usage.metric()));
  const double value = usage.has_value() ? usage.value() : 1;
  if (!std::isfinite(value) || value < 0 || value > kMostUsage) {
    bad.Add("usage.value", "must be a finite number from 0 to 1e15");
  }
  CheckText("usage.user", usage.user(), 0, 256, bad);
}

void CheckTicketTime(absl::string_view field, bool present, const google::protobuf::Timestamp& time,
                     const v1::Record& record, absl::Time latest, BadRequest& bad) {
  CheckTime(field, present, time, false, latest, bad);
  if (present && IsValidTimestamp(time) && ToTime(time) < ToTime(record.event_time())) {
    bad.Add(field, "must not be before event_time, when the ticket was opened");
  }
}

void CheckTicket(const v1::Record& record, absl::Time latest, BadRequest& bad) {
  const v1::Ticket& ticket = record.ticket();
  CheckText("ticket.topic", ticket.topic(), 0, 256, bad);
  if (!v1::TicketPriority_IsValid(ticket.priority())) bad.Add("ticket.priority", "is not a known priority");
  CheckTicketTime("ticket.first_response_time", ticket.has_first_response_time(), ticket.first_response_time(), record, latest,
                  bad);
  CheckTicketTime("ticket.resolve_time", ticket.has_resolve_time(), ticket.resolve_time(), record, latest, bad);
  const absl::Time ever = absl::InfiniteFuture();
  CheckTicketTime("ticket.first_response_due_time", ticket.has_first_response_due_time(), ticket.first_response_due_time(),
                  record, ever, bad);
  CheckTicketTime("ticket.resolve_due_time", ticket.has_resolve_due_time(), ticket.resolve_due_time(), record, ever, bad);
  CheckTime("ticket.update_time", ticket.has_update_time(), ticket.update_time(), false, latest, bad);
  if (ticket.has_satisfaction() && (ticket.satisfaction() < 1 || ticket.satisfaction() > 5)) {
    bad.Add("ticket.satisfaction", "must be 1 to 5");
  }
}

void CheckTouchpoint(const v1::Touchpoint& touchpoint, BadRequest& bad) {
  if (touchpoint.channel() == 0 || !v1::TouchpointChannel_IsValid(touchpoint.channel())) {
    bad.Add("touchpoint.channel", "is required and must be a known channel");
  }
  if (touchpoint.direction() == 0 || !v1::TouchpointDirection_IsValid(touchpoint.direction())) {
    bad.Add("touchpoint.direction", "is required: inbound or outbound");
  }
  CheckText("touchpoint.summary", touchpoint.summary(), 0, 2048, bad);
  if (!v1::TouchpointSentiment_IsValid(touchpoint.sentiment())) {
    bad.Add("touchpoint.sentiment", "is not a known sentiment");
  }
  if (touchpoint.participants_size() > kMostParticipants) {
    bad.Add("touchpoint.participants", absl::StrCat("must have at most ", kMostParticipants, " elements"));
  }
  std::set<std::string> participants;
  for (int i = 0; i < touchpoint.participants_size() && i < kMostParticipants; ++i) {
    const std::string field = absl::StrCat("touchpoint.participants[", i, "]");
    CheckText(field, touchpoint.participants(i), 1, 256, bad);
    if (!participants.insert(touchpoint.participants(i)).second) bad.Add(field, "is there twice");
  }
}

void CheckSurvey(const v1::SurveyResponse& survey, BadRequest& bad) {
  CheckText("survey.comment", survey.comment(), 0, 2048, bad);
  if (survey.kind() == 0 || !v1::SurveyKind_IsValid(survey.kind())) {
    return bad.Add("survey.kind", "is required and must be a known kind");
  }
  if (!survey.has_score()) return bad.Add("survey.score", "is required");
  constexpr double kLeast[] = {0, 0, 1, 1, 0};
  constexpr double kMost[] = {0, 10, 5, 7, 100};
  const int kind = survey.kind();
  // Written so that NaN is refused too.
  if (!(survey.score() >= kLeast[kind] && survey.score() <= kMost[kind])) {
    bad.Add("survey.score", absl::StrCat("must be ", kLeast[kind], " to ", kMost[kind], " for this kind"));
  }
}

void CheckMilestone(const v1::Milestone& milestone, BadRequest& bad) {
  bad.AddIfError("milestone.step", CheckKey(milestone.step()));
  if (milestone.has_progress() && !(milestone.progress() >= 0 && milestone.progress() <= 1)) {
    bad.Add("milestone.progress", "must be 0 to 1");
  }
}

void CheckAccountState(const v1::Record& record, absl::string_view id, absl::Time latest, const FactNumbering& numbering,
                       BadRequest& bad) {
  const v1::Account& account = record.account_state();
  if (!account.name().empty() && account.name() != record.account()) {
    bad.Add("account_state.name", "must be that of the record's account, or empty");
  }
  CheckAccountFields(account, id, "account_state.", numbering, bad);
  CheckTime("account_state.customer_since", account.has_customer_since(), account.customer_since(), false, latest, bad);
}

void CheckSubscriptionState(const v1::Record& record, absl::string_view currency, BadRequest& bad) {
  const v1::Subscription& subscription = record.subscription_state();
  const auto name = ChildOf(subscription.name(), "accounts", "subscriptions");
  bad.AddIfError("subscription_state.name", name.status());
  if (name.ok() && absl::StrCat("accounts/", name->parent) != record.account()) {
    bad.Add("subscription_state.name", "must lie below the record's account");
  }
  CheckSubscriptionFields(subscription, "subscription_state.", currency, bad);
}

bool NeedsRecordId(const v1::Record& record) { return !record.has_account_state() && !record.has_subscription_state(); }

}  // namespace

void CheckRecordId(absl::string_view field, absl::string_view id, BadRequest& bad) {
  if (id.empty()) return bad.Add(field, "is required");
  bool printable = id.size() <= 128;
  for (const char c : id) printable = printable && absl::ascii_isprint(c);
  if (!printable) bad.Add(field, "must be 1 to 128 printable ASCII characters");
}

absl::Status CheckRecord(const v1::Record& record, absl::Time now, absl::string_view currency,
                         const FactNumbering& numbering) {
  BadRequest bad;
  CheckRecord(record, now, currency, numbering, bad);
  return bad.ToStatus();
}

void CheckRecord(const v1::Record& record, absl::Time now, absl::string_view currency, const FactNumbering& numbering,
                 BadRequest& bad) {
  const absl::Time latest = now + absl::Hours(24);
  const auto id = IdOf(record.account(), "accounts");
  bad.AddIfError("account", id.status());
  if (!record.record_id().empty() || NeedsRecordId(record)) CheckRecordId("record_id", record.record_id(), bad);
  CheckTime("event_time", record.has_event_time(), record.event_time(), true, latest, bad);
  switch (record.kind_case()) {
    case v1::Record::kUsage: CheckUsage(record.usage(), bad); break;
    case v1::Record::kTicket: CheckTicket(record, latest, bad); break;
    case v1::Record::kTouchpoint: CheckTouchpoint(record.touchpoint(), bad); break;
    case v1::Record::kSurvey: CheckSurvey(record.survey(), bad); break;
    case v1::Record::kMilestone: CheckMilestone(record.milestone(), bad); break;
    case v1::Record::kChurnReport:
      CheckText("churn_report.reason", record.churn_report().reason(), 0, 64, bad);
      CheckText("churn_report.feedback", record.churn_report().feedback(), 0, 2048, bad);
      break;
    case v1::Record::kAccountState: CheckAccountState(record, id.value_or(""), latest, numbering, bad); break;
    case v1::Record::kSubscriptionState: CheckSubscriptionState(record, currency, bad); break;
    case v1::Record::KIND_NOT_SET: bad.Add("kind", "is required: usage, ticket, touchpoint, survey, milestone, churn_report, "
                                                   "account_state or subscription_state"); break;
  }
}

absl::Time TicketUpdateTime(const v1::Record& record) {
  const v1::Ticket& ticket = record.ticket();
  if (ticket.has_update_time()) return ToTime(ticket.update_time());
  absl::Time latest = ToTime(record.event_time());
  if (ticket.has_first_response_time()) latest = std::max(latest, ToTime(ticket.first_response_time()));
  if (ticket.has_resolve_time()) latest = std::max(latest, ToTime(ticket.resolve_time()));
  return latest;
}

}  // namespace perennial::accounts
