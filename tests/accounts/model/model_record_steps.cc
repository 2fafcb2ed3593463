// The part of random stories that is about records.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/accounts/model/model_steps.h"

namespace perennial::accounts::testing {

Step StoryTeller::Records() {
  v1::WriteRecordsRequest request;
  for (int i = UpTo(3); i >= 0; --i) *request.add_records() = Record();
  return request;
}

// Corrects or deletes something that was sent, or something that was not.
Step StoryTeller::OnRecord() {
  v1::Record record = Pick(sent_);
  if (Once(10)) record.set_record_id("never sent");
  if (Once(3)) {
    v1::DeleteRecordRequest request;
    request.set_account(record.account());
    request.set_record_id(record.record_id());
    request.set_kind(v1::RECORD_KIND_USAGE);
    for (const auto& [kind, is] : {std::pair(v1::RECORD_KIND_TICKET, record.has_ticket()),
                                   std::pair(v1::RECORD_KIND_TOUCHPOINT, record.has_touchpoint()),
                                   std::pair(v1::RECORD_KIND_SURVEY, record.has_survey()),
                                   std::pair(v1::RECORD_KIND_MILESTONE, record.has_milestone()),
                                   std::pair(v1::RECORD_KIND_CHURN_REPORT, record.has_churn_report())}) {
      if (is) request.set_kind(kind);
    }
    request.set_reason("a mistake");
    request.set_author("ann");
    return request;
  }
  if (record.has_account_state() || record.has_subscription_state()) record.mutable_usage()->set_metric("m0");
  if (Once(2)) *record.mutable_event_time() = StampOf(Unique(Past()));
  if (record.has_usage() && Once(2)) record.mutable_usage()->set_value(UpTo(8) / 4.0);
  if (record.has_usage() && Once(3)) record.mutable_usage()->set_metric(absl::StrCat("m", UpTo(3)));
  if (record.has_ticket()) record.mutable_ticket()->set_priority(static_cast<v1::TicketPriority>(UpTo(4)));
  if (record.has_survey()) record.mutable_survey()->set_score(1 + UpTo(4));
  v1::CorrectRecordRequest request;
  *request.mutable_record() = record;
  request.set_reason("a mistake");
  request.set_author("ann");
  return request;
}

void StoryTeller::FillTicket(const std::string& account, v1::Record& record) {
  v1::Ticket& ticket = *record.mutable_ticket();
  record.set_record_id(absl::StrCat("t", UpTo(5)));
  const absl::Time opened = begins_.emplace(account + "/" + record.record_id(), Past()).first->second;
  *record.mutable_event_time() = StampOf(opened);
  const auto since_then = [&] {
    return Unique(opened + absl::Seconds(UpTo(static_cast<int>(absl::ToInt64Seconds(now_ - opened))))) +
           absl::Seconds(1);
  };
  ticket.set_priority(static_cast<v1::TicketPriority>(UpTo(4)));
  if (Once(2)) *ticket.mutable_first_response_time() = StampOf(std::min(since_then(), now_ + absl::Hours(20)));
  if (Once(2)) *ticket.mutable_resolve_time() = StampOf(std::min(since_then(), now_ + absl::Hours(20)));
  if (Once(3)) *ticket.mutable_first_response_due_time() = StampOf(since_then() + absl::Hours(UpTo(60)));
  if (Once(3)) *ticket.mutable_resolve_due_time() = StampOf(since_then() + absl::Hours(UpTo(200)));
  if (Once(2)) ticket.set_satisfaction(1 + UpTo(4));
  if (!Once(4)) *ticket.mutable_update_time() = StampOf(since_then());
}

v1::Record StoryTeller::Record() {
  if (!sent_.empty() && Once(8)) {  // once more, sometimes with another content
    v1::Record again = Pick(sent_);
    if (again.has_usage() && Once(3)) again.mutable_usage()->set_value(again.usage().value() + 1);
    if (again.has_survey() && Once(3)) again.mutable_survey()->set_comment("another");
    return again;
  }
  v1::Record record;
  const std::string account = absl::StrCat("a", UpTo(6));
  record.set_account("accounts/" + account);
  record.set_record_id(absl::StrCat("r", ++counter_));
  *record.mutable_event_time() = StampOf(Once(12) ? Unique(now_ + absl::Seconds(UpTo(100000))) : Past());
  switch (UpTo(14)) {
    case 0:
    case 1:
    case 2: FillTicket(account, record); break;
    case 3:
    case 4:
      record.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_EMAIL);
      record.mutable_touchpoint()->set_direction(static_cast<v1::TouchpointDirection>(1 + UpTo(1)));
      break;
    case 5:
      *record.mutable_event_time() = StampOf(Unique(TimeOf(record.event_time())));
      record.mutable_survey()->set_kind(static_cast<v1::SurveyKind>(1 + UpTo(3)));
      record.mutable_survey()->set_score(1 + UpTo(4));
      break;
    case 6:
      *record.mutable_event_time() = StampOf(Unique(TimeOf(record.event_time())));
      record.mutable_milestone()->set_step(Once(3) ? "first_value" : "step");
      if (Once(2)) record.mutable_milestone()->set_progress(UpTo(4) / 4.0);
      break;
    case 7:
      *record.mutable_event_time() = StampOf(Unique(TimeOf(record.event_time())));
      if (!Once(3)) record.mutable_churn_report()->set_reason(absl::StrCat("reason", UpTo(2)));
      record.mutable_churn_report()->set_feedback("farewell");
      break;
    case 8: *record.mutable_account_state() = AccountState(account); break;
    case 9: {
      const std::string id = absl::StrCat("s", UpTo(2));
      *record.mutable_subscription_state() = SubscriptionState(account, id);
      record.mutable_subscription_state()->set_name(absl::StrCat("accounts/", account, "/subscriptions/", id));
      break;
    }
    default:
      record.mutable_usage()->set_metric(absl::StrCat("m", UpTo(counter_ < 200 ? 2 : 3)));
      if (!Once(4)) record.mutable_usage()->set_value(UpTo(8) / 4.0);
      if (Once(2)) record.mutable_usage()->set_user(absl::StrCat("user", UpTo(3)));
      break;
  }
  sent_.push_back(record);
  return record;
}

}  // namespace perennial::accounts::testing
