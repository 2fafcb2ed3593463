#include "accounts-svc/store/state_codec.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/time_util.h"
#include "perennial/accounts/v1/goal.pb.h"

namespace perennial::accounts {
namespace {

namespace v1 = perennial::accounts::v1;

// The time in a message field, unless it is absent or was not known by `as_of`.
std::optional<absl::Time> Known(bool present, const google::protobuf::Timestamp& time, absl::Time as_of) {
  if (!present || ToTime(time) > as_of) return std::nullopt;
  return ToTime(time);
}

// Earliest moment after `as_of` that a ticket tells of.
absl::Time NextChange(const v1::Ticket& ticket, absl::Time as_of) {
  absl::Time next = absl::InfiniteFuture();
  const auto add = [&](bool present, const google::protobuf::Timestamp& time) {
    if (present && ToTime(time) > as_of) next = std::min(next, ToTime(time));
  };
  add(ticket.has_first_response_time(), ticket.first_response_time());
  add(ticket.has_resolve_time(), ticket.resolve_time());
  add(ticket.has_first_response_due_time(), ticket.first_response_due_time());
  add(ticket.has_resolve_due_time(), ticket.resolve_due_time());
  return next;
}

Ticket TicketAsOf(const v1::Record& record, absl::Time as_of) {
  const v1::Ticket& from = record.ticket();
  Ticket ticket{.opened = ToTime(record.event_time()),
                .priority = static_cast<TicketPriority>(from.priority()),
                .updated = ToTime(from.update_time())};
  ticket.first_response = Known(from.has_first_response_time(), from.first_response_time(), as_of);
  ticket.resolved = Known(from.has_resolve_time(), from.resolve_time(), as_of);
  // What was promised was promised when it was opened, also while it lies ahead.
  ticket.first_response_due =
      Known(from.has_first_response_due_time(), from.first_response_due_time(), absl::InfiniteFuture());
  ticket.resolve_due = Known(from.has_resolve_due_time(), from.resolve_due_time(), absl::InfiniteFuture());
  const absl::Time answered = from.has_resolve_time() ? ToTime(from.resolve_time()) : ticket.updated;
  if (from.has_satisfaction() && answered <= as_of) ticket.satisfaction = from.satisfaction();
  return ticket;
}

AttributeValue ValueFromProto(const v1::AttributeValue& value) {
  switch (value.value_case()) {
    case v1::AttributeValue::kNumber: return value.number();
    case v1::AttributeValue::kFlag: return value.flag();
    case v1::AttributeValue::kTime: return ToTime(value.time());
    default: return value.text();
  }
}

}  // namespace

void StateToProto(const AccountState& state, v1::Account* out) {
  out->set_display_name(state.display_name);
  if (!state.parent.empty()) out->set_parent(absl::StrCat("accounts/", state.parent));
  out->set_owner(state.owner);
  out->mutable_tags()->Assign(state.tags.begin(), state.tags.end());
  for (const auto& [key, value] : state.attributes) {
    v1::AttributeValue& to = (*out->mutable_attributes())[key];
    if (const auto* number = std::get_if<double>(&value)) to.set_number(*number);
    if (const auto* text = std::get_if<std::string>(&value)) to.set_text(*text);
    if (const auto* flag = std::get_if<bool>(&value)) to.set_flag(*flag);
    if (const auto* time = std::get_if<absl::Time>(&value)) SetTimestamp(*time, to.mutable_time());
  }
}

AccountState StateFromProto(const v1::Account& account) {
  AccountState state{.display_name = account.display_name(),
                     .parent = std::string(absl::StripPrefix(account.parent(), "accounts/")),
                     .owner = account.owner(),
                     .tags = {account.tags().begin(), account.tags().end()}};
  std::sort(state.tags.begin(), state.tags.end());
  for (const auto& [key, value] : account.attributes()) state.attributes[key] = ValueFromProto(value);
  return state;
}

std::string EncodeState(const AccountState& state) {
  v1::Account message;
  StateToProto(state, &message);
  return message.SerializeAsString();
}

absl::StatusOr<AccountState> DecodeState(absl::string_view bytes) {
  v1::Account message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("a stored account cannot be read");
  }
  return StateFromProto(message);
}

absl::StatusOr<Goal> DecodeGoal(absl::string_view id, absl::string_view payload) {
  v1::Goal message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError("a stored goal cannot be read");
  }
  Goal goal{.id = std::string(id),
            .fact = message.fact(),
            .start = message.start_value(),
            .target = message.target_value(),
            .state = static_cast<GoalState>(message.state())};
  if (message.has_current_value()) goal.current = message.current_value();
  if (message.has_due_time()) goal.due = ToTime(message.due_time());
  return goal;
}

absl::Status AddToHistory(absl::string_view payload, absl::Time as_of, AccountHistory& history) {
  v1::Record record;
  if (!record.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError("a stored record cannot be read");
  }
  const absl::Time time = ToTime(record.event_time());
  switch (record.kind_case()) {
    case v1::Record::kTicket:
      history.tickets.push_back(TicketAsOf(record, as_of));
      history.next_change = std::min(history.next_change, NextChange(record.ticket(), as_of));
      break;
    case v1::Record::kTouchpoint:
      history.touchpoints.push_back(
          {.time = time, .inbound = record.touchpoint().direction() == v1::TOUCHPOINT_DIRECTION_INBOUND});
      break;
    case v1::Record::kSurvey:
      history.surveys.push_back(
          {.time = time, .kind = static_cast<SurveyKind>(record.survey().kind()), .score = record.survey().score()});
      break;
    case v1::Record::kMilestone: {
      Milestone milestone{.time = time, .step = record.milestone().step()};
      if (record.milestone().has_progress()) milestone.progress = record.milestone().progress();
      history.milestones.push_back(std::move(milestone));
      break;
    }
    case v1::Record::kChurnReport:
      history.churn_reports.push_back({.time = time, .reason = record.churn_report().reason()});
      break;
    default: return absl::DataLossError("a stored record is of no known kind");
  }
  return absl::OkStatus();
}

}  // namespace perennial::accounts
