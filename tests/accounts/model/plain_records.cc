// Records of the plain model.
#include <algorithm>

#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {
namespace {

constexpr absl::Duration kLongestAhead = absl::Hours(24);

// When a state of a ticket was current: as it says, or the latest time in it.
absl::Time UpdateTime(const v1::Record& record) {
  const v1::Ticket& ticket = record.ticket();
  if (ticket.has_update_time()) return TimeOf(ticket.update_time());
  absl::Time latest = TimeOf(record.event_time());
  if (ticket.has_first_response_time()) latest = std::max(latest, TimeOf(ticket.first_response_time()));
  if (ticket.has_resolve_time()) latest = std::max(latest, TimeOf(ticket.resolve_time()));
  return latest;
}

bool GoodTicket(const v1::Record& record, absl::Time latest) {
  const v1::Ticket& ticket = record.ticket();
  const absl::Time opened = TimeOf(record.event_time());
  if (ticket.has_update_time() && TimeOf(ticket.update_time()) > latest) return false;
  const auto good = [&](bool present, const google::protobuf::Timestamp& time, absl::Time most) {
    return !present || (TimeOf(time) >= opened && TimeOf(time) <= most);
  };
  const absl::Time ever = absl::InfiniteFuture();
  return good(ticket.has_first_response_time(), ticket.first_response_time(), latest) &&
         good(ticket.has_resolve_time(), ticket.resolve_time(), latest) &&
         good(ticket.has_first_response_due_time(), ticket.first_response_due_time(), ever) &&
         good(ticket.has_resolve_due_time(), ticket.resolve_due_time(), ever);
}

bool GoodRecord(const v1::Record& record, absl::Time latest) {
  if (TimeOf(record.event_time()) > latest) return false;
  if (record.has_ticket()) return GoodTicket(record, latest);
  if (record.has_account_state()) {
    const v1::Account& state = record.account_state();
    if (state.has_customer_since() && TimeOf(state.customer_since()) > latest) return false;
    return state.parent() != record.account();
  }
  if (record.has_subscription_state()) {
    const v1::Subscription& state = record.subscription_state();
    if (state.has_trial_end_time() && !state.trial()) return false;
    return !state.has_end_time() || TimeOf(state.end_time()) >= TimeOf(state.start_time());
  }
  return true;
}

// A record as it is kept.
v1::Record Told(v1::Record record) {
  if (record.has_ticket()) *record.mutable_ticket()->mutable_update_time() = StampOf(UpdateTime(record));
  if (record.has_usage() && !record.usage().has_value()) record.mutable_usage()->set_value(1);
  return record;
}

v1::Record::KindCase KindOf(v1::RecordKind kind) {
  switch (kind) {
    case v1::RECORD_KIND_USAGE: return v1::Record::kUsage;
    case v1::RECORD_KIND_TICKET: return v1::Record::kTicket;
    case v1::RECORD_KIND_TOUCHPOINT: return v1::Record::kTouchpoint;
    case v1::RECORD_KIND_SURVEY: return v1::Record::kSurvey;
    case v1::RECORD_KIND_MILESTONE: return v1::Record::kMilestone;
    case v1::RECORD_KIND_CHURN_REPORT: return v1::Record::kChurnReport;
    default: return v1::Record::KIND_NOT_SET;
  }
}

// The states of a record that is there; empty when it is not.
std::vector<v1::Record> StatesOf(const PlainAccount& account, const RecordKey& key) {
  const auto event = account.usage.find(key.second);
  if (key.first == v1::Record::kUsage) {
    return event == account.usage.end() ? std::vector<v1::Record>() : std::vector<v1::Record>{event->second};
  }
  const auto states = account.records.find(key);
  return states == account.records.end() ? std::vector<v1::Record>() : states->second;
}

// Whether a record's content is no news: it once said so, or it was deleted.
bool IsOld(const PlainAccount& account, const v1::Record& told) {
  const RecordKey key{told.kind_case(), told.record_id()};
  if (account.erased.contains(key)) return true;
  const auto former = account.former.find(key);
  return former != account.former.end() &&
         std::any_of(former->second.begin(), former->second.end(), [&](const auto& said) { return Same(said, told); });
}

}  // namespace

std::vector<Fate> PlainModel::Apply(const v1::WriteRecordsRequest& request) {
  std::vector<Fate> fates;
  for (const v1::Record& record : request.records()) fates.push_back(ApplyRecord(record));
  LookAtGoals();
  return fates;
}

Fate PlainModel::ApplyRecord(const v1::Record& record) {
  if (!GoodRecord(record, now_ + kLongestAhead)) return Fate::kInvalid;
  if (record.has_account_state()) return ApplyAccountState(record);
  PlainAccount* account = LiveOf(record.account());
  if (account == nullptr) return Fate::kNoAccount;
  if (record.has_usage()) return ApplyUsage(*account, record);
  if (record.has_subscription_state()) return ApplySubscriptionState(*account, record);
  return ApplyEvent(*account, record);
}

Fate PlainModel::ApplyAccountState(const v1::Record& record) {
  const std::string id = AccountIn(record.account());
  const absl::Time since = TimeOf(record.event_time());
  const v1::Account state = ClientFields(record.account_state());
  const bool says = record.account_state().has_customer_since();
  const absl::Time customer_since = TimeOf(record.account_state().customer_since());
  const auto found = accounts_.find(id);
  if (found == accounts_.end()) {
    if (!GoodParent(id, state.parent())) return Fate::kInvalid;
    accounts_[id] = {
        .states = {{since, state}}, .customer_since = says ? customer_since : since, .create_time = now_};
    return Fate::kStored;
  }
  PlainAccount& account = found->second;
  if (account.deleted) return Fate::kNoAccount;
  const auto later = account.states.upper_bound(since);
  const bool known = later != account.states.begin() && Same(std::prev(later)->second, state);
  if (known && (!says || customer_since == account.customer_since)) return Fate::kDuplicate;
  if (!GoodParent(id, state.parent())) return Fate::kInvalid;
  account.states[since] = state;
  if (says) account.customer_since = customer_since;
  return Fate::kReplaced;
}

Fate PlainModel::ApplySubscriptionState(PlainAccount& account, const v1::Record& record) {
  const std::string id = ChildIn(record.subscription_state().name());
  const absl::Time since = TimeOf(record.event_time());
  const absl::Time start = TimeOf(record.subscription_state().start_time());
  const v1::Subscription state = ClientFields(record.subscription_state());
  const auto found = account.subscriptions.find(id);
  if (found == account.subscriptions.end()) {
    if (!HasRate(state, start)) return Fate::kInvalid;
    account.subscriptions[id] = {.start = start, .states = {{since, state}}};
    return Fate::kStored;
  }
  PlainSubscription& subscription = found->second;
  if (subscription.start != start) return Fate::kInvalid;
  const auto later = subscription.states.upper_bound(since);
  if (later != subscription.states.begin() && Same(std::prev(later)->second, state)) return Fate::kDuplicate;
  if (!HasRate(state, RateMoment(subscription, since))) return Fate::kInvalid;
  subscription.states[since] = state;
  return Fate::kReplaced;
}

Fate PlainModel::ApplyUsage(PlainAccount& account, const v1::Record& record) {
  const v1::Record told = Told(record);
  if (account.erased.contains({told.kind_case(), told.record_id()})) return Fate::kDuplicate;
  const auto [found, is_new] = account.usage.emplace(told.record_id(), told);
  if (is_new) return Fate::kStored;
  return Same(found->second, told) || IsOld(account, told) ? Fate::kDuplicate : Fate::kIdReused;
}

Fate PlainModel::ApplyEvent(PlainAccount& account, const v1::Record& record) {
  const v1::Record told = Told(record);
  if (IsOld(account, told)) return Fate::kDuplicate;
  std::vector<v1::Record>& states = account.records[{told.kind_case(), told.record_id()}];
  if (states.empty()) {
    states.push_back(told);
    return Fate::kStored;
  }
  if (Same(states.back(), told)) return Fate::kDuplicate;
  if (!told.has_ticket() || UpdateTime(states.back()) == UpdateTime(told)) return Fate::kIdReused;
  if (UpdateTime(states.back()) > UpdateTime(told)) return Fate::kDuplicate;  // an older state is of no interest
  states.push_back(told);
  return Fate::kReplaced;
}

Code PlainModel::Apply(const v1::CorrectRecordRequest& request) {
  const v1::Record& record = request.record();
  if (!GoodRecord(record, now_ + kLongestAhead)) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(record.account());
  const RecordKey key{record.kind_case(), record.record_id()};
  const std::vector<v1::Record> before = account == nullptr ? std::vector<v1::Record>() : StatesOf(*account, key);
  if (before.empty()) return Code::NOT_FOUND;
  const v1::Record told = Told(record);
  if (before.size() == 1 && Same(before.front(), told)) return Code::OK;
  std::vector<v1::Record>& former = account->former[key];
  former.insert(former.end(), before.begin(), before.end());
  if (record.has_usage()) {
    ForgetPurgedUse(before.front());
    account->usage[record.record_id()] = told;
  } else {
    account->records[key] = {told};
  }
  LookAtGoals();
  return Code::OK;
}

Code PlainModel::Apply(const v1::DeleteRecordRequest& request) {
  PlainAccount* account = LiveOf(request.account());
  const RecordKey key{KindOf(request.kind()), request.record_id()};
  if (account == nullptr || StatesOf(*account, key).empty()) return Code::NOT_FOUND;
  account->records.erase(key);
  if (key.first == v1::Record::kUsage) {
    ForgetPurgedUse(account->usage[key.second]);
    account->usage.erase(key.second);
  }
  account->erased.insert(key);
  LookAtGoals();
  return Code::OK;
}

}  // namespace perennial::accounts::testing
