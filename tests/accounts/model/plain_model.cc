// Accounts and subscriptions of the plain model.
#include "tests/accounts/model/plain_model.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace perennial::accounts::testing {
namespace {

// A copy of `state` in which the fields that the mask names are those of `from`.
v1::Account Changed(v1::Account state, const v1::Account& from, const google::protobuf::FieldMask& mask) {
  google::protobuf::FieldMask plain;
  for (const std::string& path : mask.paths()) {
    if (!absl::StartsWith(path, "attributes.")) {
      if (path != "customer_since") plain.add_paths(path);
      continue;
    }
    const std::string key = path.substr(path.find('.') + 1);
    const auto value = from.attributes().find(key);
    state.mutable_attributes()->erase(key);
    if (value != from.attributes().end()) (*state.mutable_attributes())[key] = value->second;
  }
  CopyPaths(from, plain, &state);
  return state;
}

bool Names(const google::protobuf::FieldMask& mask, const std::string& path) {
  return std::find(mask.paths().begin(), mask.paths().end(), path) != mask.paths().end();
}

bool GoodSubscription(const v1::Subscription& subscription) {
  if (subscription.has_trial_end_time() && !subscription.trial()) return false;
  return !subscription.has_end_time() || TimeOf(subscription.end_time()) >= TimeOf(subscription.start_time());
}

// Makes the fields that the mask names those of `from`, from `since` on: in the state that held then and in all later ones.
void ChangeFrom(PlainSubscription& subscription, absl::Time since, const v1::Subscription& from,
                const google::protobuf::FieldMask& mask) {
  const auto change = [&](v1::Subscription state) {
    CopyPaths(from, mask, &state);
    if (!state.trial()) state.clear_trial_end_time();
    return state;
  };
  const v1::Subscription held = StateAt(subscription, since);
  for (auto& [time, state] : subscription.states) {
    if (time > since) state = change(state);
  }
  const v1::Subscription changed = change(held);
  if (Same(changed, held)) return;
  // What held before the first known state goes on to hold until the change.
  const bool first = since < subscription.states.begin()->first;
  if (first && subscription.start < since) subscription.states.emplace(subscription.start, held);
  subscription.states[since] = changed;
}

}  // namespace

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

google::protobuf::Timestamp StampOf(absl::Time time) {
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(absl::ToUnixSeconds(time));
  stamp.set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(stamp.seconds()))));
  return stamp;
}

std::int64_t DayNumber(absl::Time time) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  return seconds >= 0 ? seconds / 86400 : -((-seconds + 86399) / 86400);
}

absl::Time Midnight(std::int64_t day) { return absl::FromUnixSeconds(day * 86400); }

bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

std::int64_t Millionths(const std::string& amount) {
  const std::vector<std::string> parts = absl::StrSplit(amount, '.');
  std::string fraction = parts.size() > 1 ? parts[1] : "";
  fraction.resize(6, '0');
  const std::int64_t whole = std::atoll(parts[0].c_str()) * 1'000'000;
  return parts[0].front() == '-' ? whole - std::atoll(fraction.c_str()) : whole + std::atoll(fraction.c_str());
}

std::string AccountIn(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  return parts.size() > 1 ? parts[1] : "";
}

std::string ChildIn(const std::string& name) { return name.substr(name.rfind('/') + 1); }

void CopyPaths(const google::protobuf::Message& from, const google::protobuf::FieldMask& paths,
               google::protobuf::Message* to) {
  const std::unique_ptr<google::protobuf::Message> copy(from.New());
  copy->CopyFrom(from);
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  for (const std::string& path : paths.paths()) fields.push_back(from.GetDescriptor()->FindFieldByName(path));
  to->GetReflection()->SwapFields(copy.get(), to, fields);
}

v1::Account ClientFields(v1::Account account) {
  for (const char* field : {"name", "customer_since", "phase", "phase_start_time", "create_time", "update_time",
                            "delete_time", "etag", "revision"}) {
    account.GetReflection()->ClearField(&account, account.GetDescriptor()->FindFieldByName(field));
  }
  std::sort(account.mutable_tags()->begin(), account.mutable_tags()->end());
  return account;
}

absl::Time RateMoment(const PlainSubscription& subscription, absl::Time since) {
  return since <= subscription.states.begin()->first ? subscription.start : std::max(since, subscription.start);
}

v1::Subscription ClientFields(v1::Subscription subscription) {
  for (const char* field : {"name", "start_time", "create_time", "update_time", "etag"}) {
    subscription.GetReflection()->ClearField(&subscription, subscription.GetDescriptor()->FindFieldByName(field));
  }
  return subscription;
}

void PlainModel::SetNow(absl::Time now) {
  now_ = now;
  LookAtGoals();
}

const PlainAccount* PlainModel::Live(const std::string& id) const {
  const auto found = accounts_.find(id);
  return found == accounts_.end() || found->second.deleted ? nullptr : &found->second;
}

PlainAccount* PlainModel::LiveOf(const std::string& name) { return const_cast<PlainAccount*>(Live(AccountIn(name))); }

bool PlainModel::GoodParent(const std::string& id, const std::string& parent) const {
  for (std::string ancestor = AccountIn(parent); !ancestor.empty();) {
    const auto found = accounts_.find(ancestor);
    if (ancestor == id || found == accounts_.end()) return false;
    ancestor = AccountIn(found->second.states.rbegin()->second.parent());
  }
  return true;
}

std::optional<FactMap> PlainModel::FactsOf(const std::string& id, absl::Time as_of) const {
  const PlainAccount* account = Live(id);
  if (account == nullptr || account->states.begin()->first > as_of) return std::nullopt;
  std::set<std::string> metrics;
  for (const auto& [metric, first] : FirstUses()) {
    if (first <= as_of) metrics.insert(metric);
  }
  return ComputePlainFacts(Counted(*account), std::prev(account->states.upper_bound(as_of))->second, metrics, as_of);
}

Code PlainModel::Apply(const v1::CreateAccountRequest& request) {
  const std::string& id = request.account_id();
  if (request.account().parent() == "accounts/" + id) return Code::INVALID_ARGUMENT;
  const absl::Time since = request.account().has_customer_since() ? TimeOf(request.account().customer_since()) : now_;
  if (since > now_) return Code::INVALID_ARGUMENT;
  if (accounts_.contains(id)) return Code::ALREADY_EXISTS;
  if (!GoodParent(id, request.account().parent())) return Code::INVALID_ARGUMENT;
  accounts_[id] = {
      .states = {{since, ClientFields(request.account())}}, .customer_since = since, .create_time = now_};
  return Code::OK;
}

Code PlainModel::Apply(const v1::UpdateAccountRequest& request) {
  const std::string& name = request.account().name();
  const absl::Time since = request.has_effective_time() ? TimeOf(request.effective_time()) : now_;
  const bool moves = Names(request.update_mask(), "customer_since");
  if (since > now_ || (moves && TimeOf(request.account().customer_since()) > now_)) return Code::INVALID_ARGUMENT;
  if (Names(request.update_mask(), "parent") && request.account().parent() == name) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(name);
  if (account == nullptr) return Code::NOT_FOUND;
  const v1::Account asked = ClientFields(request.account());
  std::map<absl::Time, v1::Account> states = account->states;
  const v1::Account held =
      states.upper_bound(since) == states.begin() ? states.begin()->second : std::prev(states.upper_bound(since))->second;
  for (auto& [time, state] : states) {
    if (time > since) state = Changed(state, asked, request.update_mask());
  }
  const v1::Account changed = Changed(held, asked, request.update_mask());
  if (!Same(changed, held)) states[since] = changed;
  if (!GoodParent(AccountIn(name), states.rbegin()->second.parent())) return Code::INVALID_ARGUMENT;
  account->states = std::move(states);
  if (moves) account->customer_since = TimeOf(request.account().customer_since());
  LookAtGoals();
  return Code::OK;
}

Code PlainModel::Apply(const v1::DeleteAccountRequest& request) {
  PlainAccount* account = LiveOf(request.name());
  if (account == nullptr) return Code::NOT_FOUND;
  account->deleted = true;
  return Code::OK;
}

Code PlainModel::Apply(const v1::UndeleteAccountRequest& request) {
  const auto found = accounts_.find(AccountIn(request.name()));
  if (found == accounts_.end()) return Code::NOT_FOUND;
  if (!found->second.deleted) return Code::ALREADY_EXISTS;
  found->second.deleted = false;
  LookAtGoals();
  return Code::OK;
}

Code PlainModel::Apply(const v1::PurgeAccountRequest& request) {
  const auto found = accounts_.find(AccountIn(request.name()));
  if (found == accounts_.end()) return Code::NOT_FOUND;
  if (!found->second.deleted) return Code::FAILED_PRECONDITION;
  for (const auto& [id, event] : found->second.usage) {
    const absl::Time time = TimeOf(event.event_time());
    absl::Time& first = purged_uses_.emplace(event.usage().metric(), time).first->second;
    first = std::min(first, time);
  }
  accounts_.erase(found);
  LookAtGoals();
  return Code::OK;
}

std::map<std::string, absl::Time> PlainModel::FirstUses() const {
  std::map<std::string, absl::Time> uses = purged_uses_;
  for (const auto& [id, account] : accounts_) {
    for (const auto& [record_id, event] : account.usage) {
      const absl::Time time = TimeOf(event.event_time());
      absl::Time& first = uses.emplace(event.usage().metric(), time).first->second;
      first = std::min(first, time);
    }
  }
  return uses;
}

void PlainModel::ForgetPurgedUse(const v1::Record& event) {
  const std::string& metric = event.usage().metric();
  if (FirstUses()[metric] == TimeOf(event.event_time())) purged_uses_.erase(metric);
}

Code PlainModel::Apply(const v1::CreateSubscriptionRequest& request) {
  if (!GoodSubscription(request.subscription())) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(request.parent());
  if (account == nullptr) return Code::NOT_FOUND;
  if (account->subscriptions.contains(request.subscription_id())) return Code::ALREADY_EXISTS;
  const absl::Time start = TimeOf(request.subscription().start_time());
  if (!HasRate(request.subscription(), start)) return Code::INVALID_ARGUMENT;
  account->subscriptions[request.subscription_id()] = {
      .start = start, .states = {{std::min(start, now_), ClientFields(request.subscription())}}};
  LookAtGoals();
  return Code::OK;
}

Code PlainModel::Apply(const v1::UpdateSubscriptionRequest& request) {
  const v1::Subscription& asked = request.subscription();
  const absl::Time since = request.has_effective_time() ? TimeOf(request.effective_time()) : now_;
  const bool asks_trial_end = Names(request.update_mask(), "trial_end_time") && asked.has_trial_end_time();
  if (since > now_) return Code::INVALID_ARGUMENT;
  if (asks_trial_end && Names(request.update_mask(), "trial") && !asked.trial()) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(asked.name());
  if (account == nullptr || !account->subscriptions.contains(ChildIn(asked.name()))) return Code::NOT_FOUND;
  PlainSubscription& subscription = account->subscriptions[ChildIn(asked.name())];
  if (request.has_effective_time() && since < subscription.start) return Code::INVALID_ARGUMENT;
  const bool asks_end = Names(request.update_mask(), "end_time") && asked.has_end_time();
  if (asks_end && TimeOf(asked.end_time()) < subscription.start) return Code::INVALID_ARGUMENT;
  const bool trial =
      Names(request.update_mask(), "trial") ? asked.trial() : subscription.states.rbegin()->second.trial();
  if (asks_trial_end && !trial) return Code::INVALID_ARGUMENT;
  PlainSubscription after = subscription;
  ChangeFrom(after, since, asked, request.update_mask());
  if (!AllRated(subscription, after)) return Code::INVALID_ARGUMENT;
  subscription = std::move(after);
  LookAtGoals();
  return Code::OK;
}

Code PlainModel::Apply(const v1::CancelSubscriptionRequest& request) {
  PlainAccount* account = LiveOf(request.name());
  if (account == nullptr || !account->subscriptions.contains(ChildIn(request.name()))) return Code::NOT_FOUND;
  PlainSubscription& subscription = account->subscriptions[ChildIn(request.name())];
  const absl::Time end = request.has_end_time() ? TimeOf(request.end_time()) : now_;
  if (end < subscription.start) return Code::INVALID_ARGUMENT;
  const v1::Subscription& present = subscription.states.rbegin()->second;
  const bool ends = present.has_end_time();
  if (!request.has_end_time() && ends && TimeOf(present.end_time()) <= now_) return Code::OK;
  // It runs until then, whatever end was known before; what is past stays when the end lies ahead.
  absl::Time since = end;
  if (ends) since = std::min(since, TimeOf(present.end_time()));
  if (end > now_) since = now_;
  v1::Subscription from;
  *from.mutable_end_time() = StampOf(end);
  google::protobuf::FieldMask mask;
  mask.add_paths("end_time");
  ChangeFrom(subscription, std::max(since, subscription.start), from, mask);
  LookAtGoals();
  return Code::OK;
}

}  // namespace perennial::accounts::testing
