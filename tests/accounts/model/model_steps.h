#pragma once

#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {

// The server stops and starts again on its data.
struct Restart {};

// One thing that happens: the clock is set, or a request is sent. A step says everything itself, so that any part of a
// story is a story.
using Step = std::variant<absl::Time, Restart, v1::CreateAccountRequest, v1::UpdateAccountRequest,
                          v1::DeleteAccountRequest, v1::UndeleteAccountRequest, v1::PurgeAccountRequest,
                          v1::SetExchangeRateRequest, v1::DeleteExchangeRateRequest, v1::CreateSubscriptionRequest,
                          v1::UpdateSubscriptionRequest, v1::CancelSubscriptionRequest, v1::WriteRecordsRequest,
                          v1::CreateContactRequest, v1::UpdateContactRequest, v1::DeleteContactRequest,
                          v1::CreateGoalRequest, v1::UpdateGoalRequest, v1::DeleteGoalRequest, v1::CreateTaskRequest,
                          v1::UpdateTaskRequest, v1::CompleteTaskRequest, v1::CorrectRecordRequest, v1::DeleteRecordRequest,
                          v1::UpdateLifecycleRulesRequest, v1::MoveAccountPhaseRequest, v1::UndoPhaseMoveRequest>;

// A step in one line, for people.
std::string TextOf(const Step& step);

// Makes random stories of a few accounts. Most requests are good; some come twice, too late, or name what is not there.
class StoryTeller {
 public:
  StoryTeller(unsigned seed, absl::Time start) : random_(seed), now_(start) {}
  std::vector<Step> Tell(int steps);

 private:
  int UpTo(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most + 1)); }
  bool Once(int in) { return UpTo(in - 1) == 0; }
  template <class T>
  const T& Pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(UpTo(static_cast<int>(from.size()) - 1))];
  }
  std::string Account();
  // Moments, each with microseconds of its own, but for those at midnight.
  absl::Time Unique(absl::Time time);
  absl::Time Past();
  absl::Time Ahead();
  absl::Time Around() { return Once(2) ? Past() : Ahead(); }
  // Names each path with a chance of one in two, at least one.
  google::protobuf::FieldMask Mask(const std::vector<std::string>& paths);

  Step Next();
  Step SetClock();
  Step OnAccount();
  Step OnRate();
  Step OnSubscription();
  Step OnContact();
  Step OnGoal();
  Step OnTask();
  Step Records();
  Step OnRecord();
  Step OnLifecycle();
  v1::UpdateLifecycleRulesRequest NewRules();
  v1::Account AccountState(const std::string& id);
  v1::Subscription SubscriptionState(const std::string& account, const std::string& id);
  v1::Contact ContactState();
  v1::Goal GoalState();
  v1::Task TaskState();
  v1::Record Record();
  void FillTicket(const std::string& account, v1::Record& record);

  std::mt19937 random_;
  absl::Time now_;
  int counter_ = 0;
  std::vector<v1::Record> sent_;
  std::map<std::string, absl::Time> begins_;  // of tickets and subscriptions
  std::vector<absl::Time> rate_times_;
  std::vector<absl::Time> move_times_;
};

}  // namespace perennial::accounts::testing
