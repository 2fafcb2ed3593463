// Timeline entries in one line each.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "accounts-svc/facts/lifecycle.h"
#include "accounts-svc/timeline.h"

namespace perennial::accounts {
namespace {

// "head: tail", or "head" alone.
std::string Joined(absl::string_view head, absl::string_view tail) {
  return tail.empty() ? std::string(head) : absl::StrCat(head, ": ", tail);
}

std::string Of(const v1::Ticket& ticket) {
  std::string head = "Ticket";
  if (ticket.priority() == v1::TICKET_PRIORITY_URGENT) absl::StrAppend(&head, ", urgent");
  if (ticket.priority() == v1::TICKET_PRIORITY_HIGH) absl::StrAppend(&head, ", high");
  if (ticket.escalated()) absl::StrAppend(&head, ", escalated");
  absl::StrAppend(&head, ticket.has_resolve_time() ? ", resolved" : ", open");
  return Joined(head, ticket.topic());
}

// ", with ann@acme.com, Bob and 3 more"; a contact goes by its id.
std::string ParticipantsOf(const v1::Touchpoint& touchpoint) {
  constexpr int kNamed = 3;
  std::vector<absl::string_view> names;
  for (const std::string& participant : touchpoint.participants()) {
    if (names.size() == kNamed) break;
    const bool is_contact = absl::StartsWith(participant, "accounts/");
    names.push_back(is_contact ? absl::string_view(participant).substr(participant.rfind('/') + 1) : participant);
  }
  if (names.empty()) return {};
  const int more = touchpoint.participants_size() - static_cast<int>(names.size());
  return absl::StrCat(", with ", absl::StrJoin(names, ", "), more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

absl::string_view SentimentOf(const v1::Touchpoint& touchpoint) {
  switch (touchpoint.sentiment()) {
    case v1::TOUCHPOINT_SENTIMENT_POSITIVE: return ", positive";
    case v1::TOUCHPOINT_SENTIMENT_NEUTRAL: return ", neutral";
    case v1::TOUCHPOINT_SENTIMENT_NEGATIVE: return ", negative";
    default: return "";
  }
}

std::string Of(const v1::Touchpoint& touchpoint) {
  std::string head = "Contact";
  switch (touchpoint.channel()) {
    case v1::TOUCHPOINT_CHANNEL_CALL: head = "Call"; break;
    case v1::TOUCHPOINT_CHANNEL_EMAIL: head = "E-mail"; break;
    case v1::TOUCHPOINT_CHANNEL_CHAT: head = "Chat"; break;
    case v1::TOUCHPOINT_CHANNEL_MEETING: head = "Meeting"; break;
    case v1::TOUCHPOINT_CHANNEL_SMS: head = "SMS"; break;
    case v1::TOUCHPOINT_CHANNEL_IN_APP: head = "In-app message"; break;
    default: break;
  }
  absl::StrAppend(&head, touchpoint.direction() == v1::TOUCHPOINT_DIRECTION_INBOUND ? ", inbound" : ", outbound",
                  SentimentOf(touchpoint), ParticipantsOf(touchpoint));
  return Joined(head, touchpoint.summary());
}

std::string Of(const v1::SurveyResponse& survey) {
  absl::string_view kind = "Survey";
  switch (survey.kind()) {
    case v1::SURVEY_KIND_NPS: kind = "NPS"; break;
    case v1::SURVEY_KIND_CSAT: kind = "CSAT"; break;
    case v1::SURVEY_KIND_CES: kind = "CES"; break;
    case v1::SURVEY_KIND_PULSE: kind = "Pulse"; break;
    default: break;
  }
  return Joined(absl::StrCat(kind, " ", survey.score()), survey.comment());
}

std::string Of(const v1::Milestone& milestone) {
  const std::string head = absl::StrCat("Reached ", milestone.step());
  return milestone.has_progress() ? absl::StrCat(head, ", ", milestone.progress() * 100, " % of onboarding") : head;
}

std::string Of(const v1::Record& record) {
  switch (record.kind_case()) {
    case v1::Record::kTicket: return Of(record.ticket());
    case v1::Record::kTouchpoint: return Of(record.touchpoint());
    case v1::Record::kSurvey: return Of(record.survey());
    case v1::Record::kMilestone: return Of(record.milestone());
    case v1::Record::kChurnReport:
      return Joined(Joined("Reported to leave", record.churn_report().reason()), record.churn_report().feedback());
    default: return {};
  }
}

std::string Of(const v1::RevenueMovement& movement) {
  absl::string_view kind = "Revenue";
  switch (movement.kind()) {
    case v1::MOVEMENT_KIND_NEW: kind = "New"; break;
    case v1::MOVEMENT_KIND_EXPANSION: kind = "Expansion"; break;
    case v1::MOVEMENT_KIND_CONTRACTION: kind = "Contraction"; break;
    case v1::MOVEMENT_KIND_CHURN: kind = "Churn"; break;
    case v1::MOVEMENT_KIND_REACTIVATION: kind = "Reactivation"; break;
    default: break;
  }
  return absl::StrCat(kind, ": ", movement.amount().amount(), " ", movement.amount().currency_code(), ", MRR ",
                      movement.mrr_after().amount());
}

std::string Of(const v1::Task& task) {
  absl::string_view head = "Task";
  if (task.state() == v1::TASK_STATE_DONE) head = "Task done";
  if (task.state() == v1::TASK_STATE_CANCELLED) head = "Task cancelled";
  return Joined(Joined(head, task.title()), task.outcome());
}

}  // namespace

std::string SummaryOf(const v1::TimelineEntry& entry) {
  std::string summary;
  switch (entry.entry_case()) {
    case v1::TimelineEntry::kRecord: summary = Of(entry.record()); break;
    case v1::TimelineEntry::kPhaseChange:
      summary = absl::StrCat("Phase ", NameOf(static_cast<Phase>(entry.phase_change().phase())));
      if (!entry.phase_change().author().empty()) absl::StrAppend(&summary, " by ", entry.phase_change().author());
      summary = Joined(summary, entry.phase_change().cause());
      break;
    case v1::TimelineEntry::kMovement: summary = Of(entry.movement()); break;
    case v1::TimelineEntry::kTask: summary = Of(entry.task()); break;
    default: break;
  }
  return absl::StrReplaceAll(summary, {{"\r\n", " "}, {"\n", " "}, {"\r", " "}, {"\t", " "}});
}

}  // namespace perennial::accounts
