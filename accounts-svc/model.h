#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/base/money.h"

namespace perennial::accounts {

// Number of an account inside the store; never shown.
using AccountNo = std::int64_t;

// A number, a text, a flag or a time.
using AttributeValue = std::variant<double, std::string, bool, absl::Time>;

// What a client says about an account, as it holds from some moment on.
struct AccountState {
  std::string display_name = {};
  std::string parent = {};  // id of the parent account, or empty
  std::string owner = {};
  std::vector<std::string> tags = {};  // sorted
  std::map<std::string, AttributeValue> attributes = {};

  bool operator==(const AccountState&) const = default;
};

// An account as it is now.
struct AccountRecord {
  AccountNo no = 0;
  std::string id = {};
  AccountState state = {};
  absl::Time customer_since;
  absl::Time create_time;
  absl::Time update_time;
  std::optional<absl::Time> delete_time = {};
  // Counts changes of the resource; the etag.
  std::int64_t version = 1;
};

// What a client says about a subscription, as it holds from some moment on.
struct SubscriptionState {
  std::string plan = {};
  std::int64_t seats = 0;
  Micros mrr = 0;
  std::string currency = {};  // of mrr; empty: the reporting currency
  bool trial = false;
  std::optional<absl::Time> trial_end = {};
  std::optional<absl::Time> end = {};
  std::optional<absl::Time> renewal = {};
  bool auto_renew = false;

  bool operator==(const SubscriptionState&) const = default;
};

// A state of an account and since when it holds.
struct AccountVersion {
  absl::Time effective;
  AccountState state = {};
};

// A subscription as it is now.
struct SubscriptionRecord {
  std::string id = {};
  SubscriptionState state = {};
  absl::Time start;
  absl::Time create_time;
  absl::Time update_time;
  std::int64_t version = 1;
};

// Exchange rates are kept in billionths of the reporting currency for one unit of the other.
constexpr std::int64_t kRateOfOne = 1'000'000'000;

// A state of a subscription and since when it holds. The first one known holds since the subscription began.
struct SubscriptionVersion {
  std::string id = {};
  absl::Time start;      // of the subscription
  absl::Time effective;  // of this state
  SubscriptionState state = {};
  std::int64_t rate = kRateOfOne;  // in force when the state took effect
};

// What a unit of a currency is worth from a moment on.
struct ExchangeRate {
  std::string currency = {};
  absl::Time effective;
  std::int64_t billionths = 0;

  bool operator==(const ExchangeRate&) const = default;
};

enum class Phase { kUnknown, kTrial, kOnboarding, kAdoption, kSuccess, kChurned };

struct PhaseChange {
  Phase phase = Phase::kUnknown;
  absl::Time time;
  std::string cause = {};
  std::string author = {};  // of a move by hand; empty when a rule made the change

  bool operator==(const PhaseChange&) const = default;
};

// A move by hand: the phase is this one from its moment on, until the rules see something later.
struct PhaseMove {
  absl::Time time;
  Phase phase = Phase::kUnknown;
  std::string reason = {};
  std::string author = {};
  absl::Time create_time;

  bool operator==(const PhaseMove&) const = default;
};

// How a move came to be undone: taken back, or replaced by another of its moment.
struct UndoneMove {
  absl::Time time;
  std::string author = {};
  std::string reason = {};

  bool operator==(const UndoneMove&) const = default;
};

// A move with what became of it.
struct TracedMove {
  std::int64_t no = 0;  // counts the account's moves in the order in which they were made
  PhaseMove move;
  std::optional<UndoneMove> undone = {};

  bool operator==(const TracedMove&) const = default;
};

// When phases change by themselves. docs/lifecycle.md says the same to users.
struct LifecycleRules {
  std::int64_t revision = 1;
  // Onboarding is over at the earliest of: a milestone says that this share is done (absent: no matter), a milestone of
  // one of these steps, so many days after the first payment (0: no matter).
  std::optional<double> adoption_at_progress = 1.0;
  std::vector<std::string> adoption_at_steps = {"first_value"};
  int adoption_after_days = 90;
  // Adoption becomes success after so many days of paying without interruption, and with so many goals achieved.
  int success_after_days = 180;
  int success_after_goals = 0;
  // An account that pays no longer counts as churned after so many days.
  int churn_grace_days = 0;

  bool operator==(const LifecycleRules&) const = default;
};

// A revision of the rules, with who made it.
struct LifecycleRevision {
  LifecycleRules rules = {};
  std::string author = {};
  std::string note = {};
  std::optional<absl::Time> time = {};  // none for the first, which comes with the program

  bool operator==(const LifecycleRevision&) const = default;
};

// How many goals an account has achieved, from a moment on.
struct Achievements {
  absl::Time time;
  int goals = 0;
};

enum class MovementKind { kNew = 1, kExpansion, kContraction, kChurn, kReactivation };

struct Movement {
  MovementKind kind = MovementKind::kNew;
  absl::Time time;
  Micros amount = 0;  // negative for contraction and churn
  Micros mrr_after = 0;

  bool operator==(const Movement&) const = default;
};

enum class TicketPriority { kUnspecified, kLow, kNormal, kHigh, kUrgent };

struct Ticket {
  absl::Time opened;
  TicketPriority priority = TicketPriority::kUnspecified;
  std::optional<absl::Time> first_response = {};
  std::optional<absl::Time> resolved = {};
  std::optional<absl::Time> first_response_due = {};
  std::optional<absl::Time> resolve_due = {};
  std::optional<int> satisfaction = {};
  absl::Time updated;
};

struct Touchpoint {
  absl::Time time;
  bool inbound = false;
};

enum class SurveyKind { kNps = 1, kCsat, kCes, kPulse };

struct Survey {
  absl::Time time;
  SurveyKind kind = SurveyKind::kNps;
  double score = 0;
};

struct Milestone {
  absl::Time time;
  std::string step = {};
  std::optional<double> progress = {};
};

struct ChurnReport {
  absl::Time time;
  std::string reason = {};
};

enum class GoalState { kUnspecified, kActive, kAchieved, kCancelled };

// A goal that is not deleted, as it stood at some moment.
struct Goal {
  std::string id = {};
  std::string fact = {};  // name of the fact that is measured; empty when people keep `current`
  double start = 0;
  double target = 0;
  std::optional<double> current = {};  // only without a fact
  std::optional<absl::Time> due = {};
  GoalState state = GoalState::kActive;
};

// Something that was used.
struct UsageEvent {
  std::string record_id = {};
  std::int64_t metric = 0;
  absl::Time time;
  double value = 1;
  std::string user = {};
  // All that is left of it is that its id is taken.
  bool deleted = false;

  bool operator==(const UsageEvent&) const = default;
};

// Use of one metric on one UTC day.
struct UsageDay {
  std::int64_t metric = 0;  // number of the metric in the store
  std::int64_t day = 0;     // days since 1970-01-01
  double sum = 0;
};

// A user who used something on a day.
struct UsageUser {
  std::int64_t metric = 0;
  std::int64_t day = 0;
  std::string user = {};
};

// When an account last used a metric.
struct LastUse {
  std::int64_t metric = 0;
  std::int64_t day = 0;
};

struct Metric {
  std::int64_t no = 0;
  std::string name = {};
  absl::Time first_time;  // of its earliest event of any account
};

// Everything that the facts of one account as of a moment may depend on, and nothing later than that moment. Usage is limited
// to the 90 days that end with the day of as_of.
struct AccountHistory {
  std::string id = {};
  AccountState state = {};  // as of then
  absl::Time customer_since;
  // By subscription, then effective time; prices in the reporting currency.
  std::vector<SubscriptionVersion> subscriptions = {};
  std::vector<Ticket> tickets = {};
  std::vector<Touchpoint> touchpoints = {};  // by time
  std::vector<Survey> surveys = {};          // by time
  std::vector<Milestone> milestones = {};    // by time
  std::vector<ChurnReport> churn_reports = {};  // by time
  std::vector<UsageDay> usage = {};
  std::vector<UsageUser> users = {};  // of the last 30 days, each metric, day and user once
  std::vector<LastUse> last_use = {};
  bool users_seen = false;  // whether any use ever named a user
  bool usage_reported = false;  // whether use was ever reported, be it none
  // Of the events on the day of as_of: the last one in the order in which their values were added up (by time, then id), and
  // the metrics for which another order might give another sum.
  absl::Time last_event_time = absl::InfinitePast();
  std::string last_event_id = {};
  std::vector<std::int64_t> inexact_today = {};
  std::vector<Goal> goals = {};  // by id
  LifecycleRules rules = {};     // the newest, whatever as_of
  std::vector<PhaseMove> moves = {};           // by time
  std::vector<Achievements> achievements = {};  // by time; only known when the rules ask for achieved goals
  // Earliest moment after as_of at which something that is stored already takes effect; InfiniteFuture when nothing does.
  absl::Time next_change = absl::InfiniteFuture();
};

}  // namespace perennial::accounts
