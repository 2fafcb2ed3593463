#pragma once

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "perennial/accounts/v1/account_service.pb.h"
#include "perennial/accounts/v1/exchange_rate_service.pb.h"
#include "perennial/accounts/v1/goal_service.pb.h"
#include "perennial/accounts/v1/ingest_service.pb.h"
#include "perennial/accounts/v1/lifecycle_service.pb.h"
#include "perennial/accounts/v1/record_service.pb.h"
#include "perennial/accounts/v1/subscription_service.pb.h"
#include "perennial/accounts/v1/task_service.pb.h"
#include "tests/accounts/model/fact_map.h"

// What accounts-svc should answer: plain lists of what it was told, and every answer worked out from them anew, without
// an index, a sum or a line of the service's own code. All times are whole microseconds.
namespace perennial::accounts::testing {

namespace v1 = perennial::accounts::v1;
using Code = grpc::StatusCode;

// A subscription: its states, each by the moment since when it holds. The first one holds before itself too.
struct PlainSubscription {
  absl::Time start;
  std::map<absl::Time, v1::Subscription> states = {};
};

// A contact or goal since some moment. Versions are in the order in which they were made, and their times never fall.
template <class Message>
struct PlainVersion {
  absl::Time since;
  Message state = {};  // client fields and what follows from them
  bool deleted = false;
};

using RecordKey = std::pair<v1::Record::KindCase, std::string>;

// A phase that people set.
struct PlainMove {
  v1::LifecyclePhase phase = v1::LIFECYCLE_PHASE_UNSPECIFIED;
  std::string reason = {};
  std::string author = {};

  bool operator==(const PlainMove&) const = default;
};
struct PlainTrace {
  absl::Time time;
  PlainMove move = {};
  std::string undone = {};  // "who: why"; empty while it stands
};

struct PlainAccount {
  std::map<absl::Time, v1::Account> states = {};  // client fields, by the moment since when each holds
  absl::Time customer_since;
  absl::Time create_time;
  bool deleted = false;
  std::map<std::string, PlainSubscription> subscriptions = {};
  std::map<std::string, v1::Record> usage = {};  // by record id
  // All other records by kind and id. Of a ticket its states by update_time, of others one.
  std::map<RecordKey, std::vector<v1::Record>> records = {};
  std::map<RecordKey, std::vector<v1::Record>> former = {};  // what corrected ones once said
  std::set<RecordKey> erased = {};                           // ids of deleted ones
  std::map<std::string, std::vector<PlainVersion<v1::Contact>>> contacts = {};
  std::map<std::string, std::vector<PlainVersion<v1::Goal>>> goals = {};
  std::map<std::string, v1::Task> tasks = {};
  std::map<absl::Time, PlainMove> moves = {};  // that stand
  std::vector<PlainTrace> traces = {};         // all, in the order in which they were made
  v1::LifecycleRules rules = {};               // only where Counted() put them
};

struct PlainMovement {
  v1::MovementKind kind = v1::MOVEMENT_KIND_UNSPECIFIED;
  absl::Time time;
  std::int64_t amount = 0;  // in millionths
  std::int64_t mrr_after = 0;

  bool operator==(const PlainMovement&) const = default;
};

struct PlainPhase {
  v1::LifecyclePhase phase = v1::LIFECYCLE_PHASE_UNSPECIFIED;
  absl::Time time;
  std::string cause = {};
  std::string author = {};

  bool operator==(const PlainPhase&) const = default;
};

// What becomes of a record.
enum class Fate { kStored, kReplaced, kDuplicate, kInvalid, kNoAccount, kIdReused };

class PlainModel {
 public:
  explicit PlainModel(absl::Time now) : now_(now) {
    rules_.set_adoption_at_progress(1);
    rules_.add_adoption_at_steps("first_value");
    rules_.set_adoption_after_days(90);
    rules_.set_success_after_days(180);
    rules_.set_revision(1);
  }

  // Time goes on.
  void SetNow(absl::Time now);
  [[nodiscard]] absl::Time now() const { return now_; }

  // Each does what the method of that request should do, and returns the code that it should answer.
  Code Apply(const v1::CreateAccountRequest& request);
  Code Apply(const v1::UpdateAccountRequest& request);
  Code Apply(const v1::DeleteAccountRequest& request);
  Code Apply(const v1::UndeleteAccountRequest& request);
  Code Apply(const v1::PurgeAccountRequest& request);
  Code Apply(const v1::SetExchangeRateRequest& request);
  Code Apply(const v1::DeleteExchangeRateRequest& request);
  Code Apply(const v1::CreateSubscriptionRequest& request);
  Code Apply(const v1::UpdateSubscriptionRequest& request);
  Code Apply(const v1::CancelSubscriptionRequest& request);
  Code Apply(const v1::CreateContactRequest& request);
  Code Apply(const v1::UpdateContactRequest& request);
  Code Apply(const v1::DeleteContactRequest& request);
  Code Apply(const v1::CreateGoalRequest& request);
  Code Apply(const v1::UpdateGoalRequest& request);
  Code Apply(const v1::DeleteGoalRequest& request);
  Code Apply(const v1::CreateTaskRequest& request);
  Code Apply(const v1::UpdateTaskRequest& request);
  Code Apply(const v1::CompleteTaskRequest& request);
  Code Apply(const v1::CorrectRecordRequest& request);
  Code Apply(const v1::DeleteRecordRequest& request);
  Code Apply(const v1::UpdateLifecycleRulesRequest& request);
  Code Apply(const v1::MoveAccountPhaseRequest& request);
  Code Apply(const v1::UndoPhaseMoveRequest& request);
  std::vector<Fate> Apply(const v1::WriteRecordsRequest& request);

  // All accounts that were made and not purged, by id.
  [[nodiscard]] const std::map<std::string, PlainAccount>& accounts() const { return accounts_; }
  // The account when it is there and not deleted, else null.
  [[nodiscard]] const PlainAccount* Live(const std::string& id) const;
  // Facts of a live account as of a moment; nothing when it did not exist then.
  [[nodiscard]] std::optional<FactMap> FactsOf(const std::string& id, absl::Time as_of) const;
  // The rules of the lifecycle, with their revision.
  [[nodiscard]] const v1::LifecycleRules& rules() const { return rules_; }
  // The account with its subscriptions as they count: each price in the reporting currency; and with the rules.
  [[nodiscard]] PlainAccount Counted(const PlainAccount& account) const;

 private:
  // Whether the currency of a price has a rate at a moment.
  [[nodiscard]] bool HasRate(const v1::Subscription& state, absl::Time time) const;
  // Whether every state of `after` that is not one of `before` has a rate when it takes effect.
  [[nodiscard]] bool AllRated(const PlainSubscription& before, const PlainSubscription& after) const;
  // When each metric was used first, by anybody: also by those that were purged, until the event that is the first one is
  // corrected or deleted.
  [[nodiscard]] std::map<std::string, absl::Time> FirstUses() const;
  void ForgetPurgedUse(const v1::Record& event);
  PlainAccount* LiveOf(const std::string& name);
  static PlainTrace& TraceOf(PlainAccount& account, absl::Time time);
  // Whether a chain of parents that begins with `parent` ends well without meeting `id`.
  [[nodiscard]] bool GoodParent(const std::string& id, const std::string& parent) const;
  // Goals that have reached their targets by now become achieved.
  void LookAtGoals();
  Fate ApplyRecord(const v1::Record& record);
  Fate ApplyAccountState(const v1::Record& record);
  Fate ApplySubscriptionState(PlainAccount& account, const v1::Record& record);
  static Fate ApplyUsage(PlainAccount& account, const v1::Record& record);
  static Fate ApplyEvent(PlainAccount& account, const v1::Record& record);

  absl::Time now_;
  std::map<std::string, PlainAccount> accounts_;
  std::map<absl::Time, std::int64_t> rates_;  // of EUR, in billionths
  std::map<std::string, absl::Time> purged_uses_;
  v1::LifecycleRules rules_;
};

// Small things that the parts of the model share.

// When the price of a state counts that holds since `since`: not before the subscription starts, and the first one from there.
absl::Time RateMoment(const PlainSubscription& subscription, absl::Time since);

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp);
google::protobuf::Timestamp StampOf(absl::Time time);
// Days since 1970-01-01, UTC, and the first moment of such a day.
std::int64_t DayNumber(absl::Time time);
absl::Time Midnight(std::int64_t day);
bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b);
// Millionths of "12.5".
std::int64_t Millionths(const std::string& amount);
// The part of a resource name after its first, third, ... slash: "x" of "accounts/x", "y" of "accounts/x/goals/y".
std::string AccountIn(const std::string& name);
std::string ChildIn(const std::string& name);
// Copies the fields that `paths` names from `from` to `to`; absent ones are cleared.
void CopyPaths(const google::protobuf::Message& from, const google::protobuf::FieldMask& paths,
               google::protobuf::Message* to);
// The same but for fields that a client cannot set.
v1::Account ClientFields(v1::Account account);
v1::Subscription ClientFields(v1::Subscription subscription);
v1::Contact ClientFields(v1::Contact contact);
v1::Goal ClientFields(v1::Goal goal);
v1::Task ClientFields(v1::Task task);

// Revenue and phases of an account until `as_of` (plain_revenue.cc, plain_lifecycle.cc). Moments() are those at which anything
// about its subscriptions may change.
std::set<absl::Time> Moments(const PlainAccount& account, absl::Time as_of);
const v1::Subscription& StateAt(const PlainSubscription& subscription, absl::Time time);
bool RunsAt(const PlainSubscription& subscription, absl::Time time);
std::int64_t MrrAt(const PlainAccount& account, absl::Time time);
std::vector<PlainMovement> MovementsBy(const PlainAccount& account, absl::Time as_of);
std::vector<PlainPhase> PhasesBy(const PlainAccount& account, absl::Time as_of);

// Facts as of a moment (plain_facts.cc). `metrics` are those that any account had used by then.
FactMap ComputePlainFacts(const PlainAccount& account, const v1::Account& state, const std::set<std::string>& metrics,
                          absl::Time as_of);

// The share of a goal's way that is done (plain_facts_people.cc).
std::optional<double> GoalProgress(const v1::Goal& goal, const FactMap& facts);

}  // namespace perennial::accounts::testing
