#include "tests/accounts/model/model_steps.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perennial::accounts::testing {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

v1::Subscription Priced(v1::Subscription subscription, const std::string& amount, const std::string& currency) {
  subscription.mutable_mrr()->set_amount(amount);
  subscription.mutable_mrr()->set_currency_code(currency);
  return subscription;
}

}  // namespace

std::string TextOf(const Step& step) {
  if (const auto* time = std::get_if<absl::Time>(&step)) {
    return absl::StrCat("clock ", absl::FormatTime(absl::RFC3339_full, *time, absl::UTCTimeZone()));
  }
  if (std::holds_alternative<Restart>(step)) return "restart";
  return std::visit(
      [](const auto& request) -> std::string {
        if constexpr (std::is_base_of_v<google::protobuf::Message, std::decay_t<decltype(request)>>) {
          return absl::StrCat(request.GetDescriptor()->name(), " ", request.ShortDebugString());
        } else {
          return {};
        }
      },
      step);
}

std::vector<Step> StoryTeller::Tell(int steps) {
  std::vector<Step> story;
  for (int i = 0; i < steps; ++i) story.push_back(Next());
  return story;
}

std::string StoryTeller::Account() { return absl::StrCat("a", UpTo(4)); }

absl::Time StoryTeller::Unique(absl::Time time) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time)) + absl::Microseconds(++counter_);
}

absl::Time StoryTeller::Past() {
  const int most_days = Pick<int>({1, 2, 40, 100, 400});
  const absl::Time time = now_ - absl::Seconds(1) - absl::Seconds(UpTo(most_days * 86400));
  return Once(8) ? Midnight(DayNumber(time)) : Unique(time);
}

absl::Time StoryTeller::Ahead() {
  return Unique(now_ + (Once(2) ? absl::Seconds(UpTo(20 * 3600)) : kDay * (1 + UpTo(60)) + absl::Seconds(UpTo(80000))));
}

google::protobuf::FieldMask StoryTeller::Mask(const std::vector<std::string>& paths) {
  google::protobuf::FieldMask mask;
  for (const std::string& path : paths) {
    if (Once(2)) mask.add_paths(path);
  }
  if (mask.paths().empty()) mask.add_paths(Pick(paths));
  return mask;
}

Step StoryTeller::Next() {
  const int chance = UpTo(99);
  if (counter_ == 0 || chance < 10) return OnAccount();
  if (chance < 22) return SetClock();
  if (chance < 38) return OnSubscription();
  if (chance < 43) return OnContact();
  if (chance < 53) return OnGoal();
  if (chance < 58) return OnTask();
  if (chance < 60) return OnRate();
  if (chance == 60 && Once(2)) return Restart{};
  if (chance > 95) return OnLifecycle();
  if (!sent_.empty() && chance < 68) return OnRecord();
  return Records();
}

Step StoryTeller::SetClock() {
  const absl::Time midnight = Midnight(DayNumber(now_) + 1);
  switch (UpTo(6)) {
    case 0: now_ = midnight; break;
    case 1: now_ = midnight - absl::Microseconds(1); break;
    case 2: now_ += absl::Microseconds(1 + UpTo(1'000'000)); break;
    case 3: now_ += absl::Hours(UpTo(20)) + absl::Minutes(UpTo(59)); break;
    case 4: now_ += kDay * UpTo(3) + absl::Seconds(UpTo(80000)); break;
    case 5: now_ += kDay * UpTo(40); break;
    default: now_ += absl::Minutes(UpTo(90)); break;
  }
  return now_;
}

Step StoryTeller::OnRate() {
  if (!rate_times_.empty() && Once(3)) {
    v1::DeleteExchangeRateRequest request;
    request.set_currency_code("EUR");
    *request.mutable_effective_time() = StampOf(Pick(rate_times_));
    return request;
  }
  v1::SetExchangeRateRequest request;
  request.mutable_exchange_rate()->set_currency_code("EUR");
  request.mutable_exchange_rate()->set_rate(Pick<std::string>({"1", "1.1", "0.333333333", "2.5", "0.0000005"}));
  const bool again = !rate_times_.empty() && Once(3);
  rate_times_.push_back(again ? Pick(rate_times_) : Once(8) ? Ahead() : Once(2) ? now_ - kDay * 420 : Past());
  *request.mutable_exchange_rate()->mutable_effective_time() = StampOf(rate_times_.back());
  return request;
}

v1::Account StoryTeller::AccountState(const std::string& id) {
  v1::Account account;
  account.set_display_name(absl::StrCat("The ", id, " ", UpTo(3)));
  if (Once(2)) account.set_owner(absl::StrCat("owner", UpTo(2)));
  if (Once(5)) account.set_parent("accounts/" + Account());
  for (int tag = 0; tag < 3; ++tag) {
    if (Once(3)) account.add_tags(absl::StrCat("tag", tag));
  }
  if (Once(2)) (*account.mutable_attributes())["size"].set_number(UpTo(50) / 4.0);
  if (Once(3)) (*account.mutable_attributes())["industry"].set_text(absl::StrCat("industry", UpTo(2)));
  if (Once(3)) (*account.mutable_attributes())["vip"].set_flag(Once(2));
  if (Once(4)) {
    *(*account.mutable_attributes())["signed"].mutable_time() = StampOf(Midnight(DayNumber(now_) - UpTo(50)));
  }
  if (Once(3)) *account.mutable_customer_since() = StampOf(Past());
  return account;
}

Step StoryTeller::OnAccount() {
  const std::string id = Account();
  switch (UpTo(10)) {
    case 10: {
      v1::PurgeAccountRequest request;
      request.set_name("accounts/" + id);
      return request;
    }
    case 0: {
      v1::DeleteAccountRequest request;
      request.set_name("accounts/" + id);
      return request;
    }
    case 1: {
      v1::UndeleteAccountRequest request;
      request.set_name("accounts/" + id);
      return request;
    }
    case 2:
    case 3:
    case 4: {
      v1::CreateAccountRequest request;
      request.set_account_id(id);
      *request.mutable_account() = AccountState(id);
      ++counter_;
      return request;
    }
    default: break;
  }
  v1::UpdateAccountRequest request;
  *request.mutable_account() = AccountState(id);
  request.mutable_account()->set_name("accounts/" + id);
  *request.mutable_update_mask() = Mask({"display_name", "owner", "tags", "attributes.size", "attributes.industry"});
  if (Once(5)) request.mutable_update_mask()->add_paths("parent");
  if (Once(5)) request.mutable_update_mask()->add_paths("attributes");
  if (request.account().has_customer_since() && Once(2)) request.mutable_update_mask()->add_paths("customer_since");
  if (Once(3)) *request.mutable_effective_time() = StampOf(Past());
  return request;
}

v1::Subscription StoryTeller::SubscriptionState(const std::string& account, const std::string& id) {
  v1::Subscription subscription =
      Priced({}, Pick<std::string>({"0", "10", "10.25", "99.5", "300"}), Once(3) ? "EUR" : "USD");
  subscription.set_plan(absl::StrCat("plan", UpTo(2)));
  subscription.set_seats(UpTo(4));
  subscription.set_trial(Once(4));
  if (subscription.trial() && Once(2)) *subscription.mutable_trial_end_time() = StampOf(Around());
  absl::Time& begin = begins_.emplace(account + "/" + id, Once(4) ? Ahead() : Past()).first->second;
  *subscription.mutable_start_time() = StampOf(Once(20) ? Past() : begin);
  if (Once(3)) *subscription.mutable_end_time() = StampOf(Around());
  if (Once(2)) *subscription.mutable_renewal_time() = StampOf(Around());
  subscription.set_auto_renew(Once(2));
  return subscription;
}

Step StoryTeller::OnSubscription() {
  const std::string account = Account();
  const std::string id = absl::StrCat("s", UpTo(2));
  const std::string name = absl::StrCat("accounts/", account, "/subscriptions/", id);
  const int chance = UpTo(9);
  if (chance < 4) {
    v1::CreateSubscriptionRequest request;
    request.set_parent("accounts/" + account);
    request.set_subscription_id(id);
    *request.mutable_subscription() = SubscriptionState(account, id);
    return request;
  }
  if (chance < 6) {
    v1::CancelSubscriptionRequest request;
    request.set_name(name);
    if (Once(2)) *request.mutable_end_time() = StampOf(Around());
    return request;
  }
  v1::UpdateSubscriptionRequest request;
  *request.mutable_subscription() = SubscriptionState(account, id);
  request.mutable_subscription()->set_name(name);
  *request.mutable_update_mask() = Mask({"plan", "seats", "mrr", "trial", "renewal_time", "auto_renew"});
  if (Once(5)) request.mutable_update_mask()->add_paths("trial_end_time");
  if (Once(5)) request.mutable_update_mask()->add_paths("end_time");
  if (Once(3)) *request.mutable_effective_time() = StampOf(Past());
  return request;
}

v1::Contact StoryTeller::ContactState() {
  v1::Contact contact;
  contact.set_display_name(absl::StrCat("Person ", UpTo(3)));
  if (Once(2)) contact.set_email("person@example.com");
  contact.set_role(static_cast<v1::ContactRole>(UpTo(3)));
  contact.set_departed(Once(3));
  if (contact.departed() ? Once(2) : Once(10)) *contact.mutable_depart_time() = StampOf(Past());
  return contact;
}

Step StoryTeller::OnContact() {
  const std::string account = Account();
  const std::string id = absl::StrCat("c", UpTo(1));
  const std::string name = absl::StrCat("accounts/", account, "/contacts/", id);
  const int chance = UpTo(5);
  if (chance == 0) {
    v1::DeleteContactRequest request;
    request.set_name(name);
    return request;
  }
  if (chance < 3) {
    v1::CreateContactRequest request;
    request.set_parent("accounts/" + account);
    request.set_contact_id(id);
    *request.mutable_contact() = ContactState();
    if (Once(2)) *request.mutable_effective_time() = StampOf(Past());
    return request;
  }
  v1::UpdateContactRequest request;
  *request.mutable_contact() = ContactState();
  request.mutable_contact()->set_name(name);
  *request.mutable_update_mask() = Mask({"display_name", "email", "role", "departed", "depart_time"});
  if (Once(4)) *request.mutable_effective_time() = StampOf(Past());
  return request;
}

v1::Goal StoryTeller::GoalState() {
  v1::Goal goal;
  goal.set_title(absl::StrCat("Goal ", UpTo(3)));
  if (!Once(8)) goal.set_measure("reports a week");
  if (Once(2)) {
    goal.set_fact(Pick<std::string>({"mrr", "support.open", "touch.count_30d", "usage.breadth_30d",
                                     "usage.days_since_last", "seats", "nps.latest"}));
  }
  goal.set_start_value(UpTo(10));
  goal.set_target_value(UpTo(10));
  if (Once(2)) goal.set_current_value(UpTo(10));
  if (Once(2)) *goal.mutable_due_time() = StampOf(Around());
  if (Once(4)) goal.set_state(static_cast<v1::GoalState>(UpTo(3)));
  return goal;
}

Step StoryTeller::OnGoal() {
  const std::string account = Account();
  const std::string id = absl::StrCat("g", UpTo(2));
  const std::string name = absl::StrCat("accounts/", account, "/goals/", id);
  const int chance = UpTo(7);
  if (chance == 0) {
    v1::DeleteGoalRequest request;
    request.set_name(name);
    return request;
  }
  if (chance < 4) {
    v1::CreateGoalRequest request;
    request.set_parent("accounts/" + account);
    request.set_goal_id(id);
    *request.mutable_goal() = GoalState();
    if (Once(2)) *request.mutable_effective_time() = StampOf(Past());
    return request;
  }
  v1::UpdateGoalRequest request;
  *request.mutable_goal() = GoalState();
  request.mutable_goal()->set_name(name);
  *request.mutable_update_mask() = Mask({"title", "current_value", "due_time"});
  for (const char* path : {"fact", "start_value", "target_value", "state", "measure"}) {
    if (Once(4)) request.mutable_update_mask()->add_paths(path);
  }
  if (Once(4)) *request.mutable_effective_time() = StampOf(Past());
  return request;
}

v1::Task StoryTeller::TaskState() {
  v1::Task task;
  task.set_title(absl::StrCat("Task ", UpTo(3)));
  task.set_kind(static_cast<v1::TaskKind>(1 + UpTo(3)));
  if (Once(2)) task.set_assignee(absl::StrCat("owner", UpTo(1)));
  if (Once(2)) *task.mutable_due_time() = StampOf(Around());
  for (int item = UpTo(2); item > 0; --item) {
    task.add_checklist()->set_title("item");
    task.mutable_checklist()->rbegin()->set_done(Once(2));
  }
  task.set_state(static_cast<v1::TaskState>(UpTo(3)));
  return task;
}

Step StoryTeller::OnTask() {
  const std::string account = Account();
  const std::string id = absl::StrCat("k", UpTo(3));
  const std::string name = absl::StrCat("accounts/", account, "/tasks/", id);
  const int chance = UpTo(5);
  if (chance < 2) {
    v1::CompleteTaskRequest request;
    request.set_name(name);
    if (Once(2)) request.set_outcome("done");
    return request;
  }
  if (chance < 4) {
    v1::CreateTaskRequest request;
    request.set_parent("accounts/" + account);
    request.set_task_id(id);
    *request.mutable_task() = TaskState();
    return request;
  }
  v1::UpdateTaskRequest request;
  *request.mutable_task() = TaskState();
  request.mutable_task()->set_name(name);
  *request.mutable_update_mask() = Mask({"title", "assignee", "due_time", "checklist", "state"});
  return request;
}

}  // namespace perennial::accounts::testing
