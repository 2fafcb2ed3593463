#include "cli/portfolio_activity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/portfolio_names.h"

namespace perennial::cli {
namespace {

struct PriorityTerms {
  absl::string_view name;
  double response_hours;
  double resolution_hours;
  int response_promise;
  int resolution_promise;
  // What a late answer costs in engagement.
  double damage;
};
constexpr std::array<PriorityTerms, 4> kPriorities = {{
    {"low", 11, 70, 24, 120, 0.10},
    {"normal", 7, 42, 12, 72, 0.20},
    {"high", 3.5, 24, 6, 36, 0.36},
    {"urgent", 1.2, 9, 2, 12, 0.55},
}};
constexpr std::array<double, 4> kPriorityShares = {0.25, 0.46, 0.21, 0.08};

struct OnboardingStep {
  absl::string_view name;
  absl::string_view progress;
  int earliest;
  int latest;
};
constexpr std::array<OnboardingStep, 5> kOnboarding = {{
    {"kickoff", "0.1", 1, 6},
    {"data_connected", "0.35", 5, 16},
    {"first_value", "0.6", 10, 38},
    {"team_invited", "0.8", 18, 50},
    {"onboarding_done", "1", 30, 85},
}};

constexpr std::int64_t kHour = 3600;

int Rounded(double value) { return static_cast<int>(std::floor(value + 0.5)); }

}  // namespace

PortfolioActivity::PortfolioActivity(const PortfolioConfig& config, std::string account, Random* random)
    : config_(config),
      account_(std::move(account)),
      offset_(random->Below(1000)),
      works_weekends_(random->Chance(0.15)),
      uses_api_(random->Chance(0.4)),
      uses_exports_(random->Chance(0.5)),
      support_luck_(Exp(0.55 * random->Normal())),
      volume_(Exp(0.35 * random->Normal())),
      seat_habit_(0.9 * random->Normal()),
      manager_view_(9 * random->Normal()),
      reports_from_day_(random->Between(5, 150)) {}

std::string PortfolioActivity::NextId(char kind) { return absl::StrCat(std::string(1, kind), ++records_); }

std::int64_t PortfolioActivity::Moment(std::int64_t day, Random* random) {
  return day * kSecondsPerDay + 8 * kHour + static_cast<std::int64_t>(random->Uniform() * 10 * kHour);
}

bool PortfolioActivity::IsDue(std::int64_t slot, int days, int offset) const {
  const auto period = std::max<std::int64_t>(1, Rounded(days / config_.usage_density));
  return (slot + offset_ + offset) % period == 0;
}

void PortfolioActivity::Begin(std::int64_t day, double engagement, Random* random) {
  const double pace = Exp(-0.3 * engagement);
  std::int64_t last = day;
  for (int i = 0; i < kSteps; ++i) {
    const OnboardingStep& step = kOnboarding[static_cast<std::size_t>(i)];
    const int days = std::max(1, Rounded(random->Between(step.earliest, step.latest) * pace));
    last = std::max(last, day + days);
    steps_[i] = last;
    // Whoever begins badly gets stuck, and then reaches no later step.
    if (random->Chance(0.04 * Exp(-0.8 * engagement))) {
      for (int j = i; j < kSteps; ++j) steps_[j] = -1;
      break;
    }
  }
  next_touch_ = day + random->Between(1, 10);
}

void PortfolioActivity::Live(const AccountDay& today, Random* random, Engagement* engagement, PortfolioRows* rows) {
  Onboard(today, random, rows);
  if (today.day < config_.first_day) return;
  const double state = engagement->At(today.day);
  // Teams come and go, whatever they think of the product.
  if (WeekdayOf(today.day) == 0) seat_habit_ += 0.1 * random->Normal() - 0.01 * seat_habit_;
  Use(today, state, random, rows);
  Support(today, random, engagement, rows);
  Touch(today, state, random, rows);
  Survey(today, state, random, rows);
}

void PortfolioActivity::Onboard(const AccountDay& today, Random* random, PortfolioRows* rows) {
  for (int i = 0; i < kSteps; ++i) {
    if (steps_[i] != today.day) continue;
    const OnboardingStep& step = kOnboarding[static_cast<std::size_t>(i)];
    const std::int64_t moment = Moment(today.day, random) + i;
    RowBuilder row;
    row.Add(account_).Add(NextId('m')).AddTime(moment).Add(step.name).Add(step.progress);
    rows->Add(PortfolioFile::kMilestones, moment, row.Take());
  }
}

void PortfolioActivity::Use(const AccountDay& today, double engagement, Random* random, PortfolioRows* rows) {
  const int weekday = WeekdayOf(today.day);
  if (works_weekends_) {
    UseBySlot(today, today.day, engagement, random, rows);
    return;
  }
  if (weekday >= 5) return;
  UseBySlot(today, today.day, engagement, random, rows);
  // What would fall on the weekend is done on Friday or Monday.
  if (weekday == 4) UseBySlot(today, today.day + 1, engagement, random, rows);
  if (weekday == 0) UseBySlot(today, today.day - 1, engagement, random, rows);
}

void PortfolioActivity::UseBySlot(const AccountDay& today, std::int64_t slot, double engagement, Random* random,
                                  PortfolioRows* rows) {
  const auto age = static_cast<double>(today.day - today.since);
  const double ramp = std::min(1.0, 0.25 + age / 45);
  const double weekday = WeekdayOf(today.day) >= 5 ? 0.5 : WeekdayOf(today.day) == 4 ? 0.85 : 1.0;
  const double busy = YearSeason(today.day) * weekday * ramp * volume_ * Exp(0.4 * engagement);
  // The users who log in at all; a row tells of one of them.
  const double active = today.seats * Logistic(0.9 + 0.7 * engagement + seat_habit_) * (0.5 + 0.5 * ramp);
  for (int user = 0; user < today.seats; ++user) {
    if (!IsDue(slot, 30, user * 7) || user + random->Uniform(-0.5, 0.5) >= active) continue;
    UseMetric(today, "logins", std::max(1, random->Poisson(14 * busy)), user, random, rows);
  }
  const int somebody = random->Below(std::max(1, Rounded(active)));
  if (IsDue(slot, 6, 1) && random->Chance(Logistic(1.6 + 1.5 * engagement))) {
    UseMetric(today, "core_actions", random->Poisson(1 + active * 9 * busy), somebody, random, rows);
  }
  if (age >= reports_from_day_ && IsDue(slot, 15, 4) && random->Chance(Logistic(0.4 + 1.2 * engagement))) {
    UseMetric(today, "reports", 1 + random->Poisson(4 * busy), somebody, random, rows);
  }
  if (uses_api_ && IsDue(slot, 15, 9) && random->Chance(Logistic(1.5 + 1.2 * engagement))) {
    UseMetric(today, "api_calls", 10 + random->Poisson(150 * active * busy), -1, random, rows);
  }
  if (uses_exports_ && IsDue(slot, 30, 12) && random->Chance(Logistic(0.8 + engagement))) {
    UseMetric(today, "exports", 1 + random->Poisson(2 * busy), somebody, random, rows);
  }
}

void PortfolioActivity::UseMetric(const AccountDay& today, absl::string_view metric, int value, int user,
                                  Random* random, PortfolioRows* rows) {
  if (value <= 0) return;
  const std::int64_t moment = Moment(today.day, random);
  RowBuilder row;
  row.Add(account_).Add(NextId('u')).AddTime(moment).Add(metric).Add(std::int64_t{value});
  row.Add(user < 0 ? "" : absl::StrCat("user", user + 1));
  rows->Add(PortfolioFile::kUsage, moment, row.Take());
}

void PortfolioActivity::Support(const AccountDay& today, Random* random, Engagement* engagement, PortfolioRows* rows) {
  const double age = static_cast<double>(today.day - today.since);
  const double state = engagement->At(today.day);
  // New customers ask more. Annoyed ones complain more, and those who have given up do not complain any more.
  const double newness = 1 + 1.5 * Exp(-age / 40);
  const double mood = (1 + 0.5 * std::max(0.0, -state)) * Logistic(2.6 + 1.6 * state);
  const double weekday = WeekdayOf(today.day) >= 5 ? 0.25 : 1.2;
  if (random->Chance(0.011 * (1 + today.seats / 18.0) * newness * mood * weekday)) {
    OpenTicket(today.day, random, engagement, rows);
  }
}

void PortfolioActivity::OpenTicket(std::int64_t day, Random* random, Engagement* engagement, PortfolioRows* rows) {
  const PriorityTerms& terms = kPriorities[static_cast<std::size_t>(random->Choose(kPriorityShares))];
  const std::int64_t end = config_.end_day * kSecondsPerDay;
  const std::int64_t opened = Moment(day, random);
  const auto later = [&](double hours) { return opened + static_cast<std::int64_t>(hours * kHour); };
  const double load = 0.6 + 0.4 * YearSeason(day);
  const double response = terms.response_hours * support_luck_ * load * Exp(0.7 * random->Normal());
  const double resolution = response + terms.resolution_hours * support_luck_ * load * Exp(0.8 * random->Normal());
  const bool late_answer = response > terms.response_promise;
  const bool late = resolution > terms.resolution_promise;
  const bool escalated = resolution > 2.0 * terms.resolution_promise && terms.damage > 0.3;
  engagement->Experience(0.06 - (late ? terms.damage : 0) - (late_answer ? terms.damage / 2 : 0));
  const bool answers = random->Chance(0.45);
  const double mood =
      4.4 - (late ? 1.5 : 0) - (late_answer ? 0.6 : 0) + 0.3 * engagement->At(day) + 0.7 * random->Normal();
  const int satisfaction = std::clamp(Rounded(mood), 1, 5);
  // What has not happened by the end of the portfolio's history is not known in it.
  const std::int64_t answered = later(response) < end ? later(response) : -1;
  const std::int64_t resolved = later(resolution) < end ? later(resolution) : -1;
  RowBuilder row;
  row.Add(account_).Add(NextId('t')).AddTime(opened).Add(TopicName(random->Below(kTopics))).Add(terms.name);
  row.AddTime(answered)
      .AddTime(resolved)
      .AddTime(later(terms.response_promise))
      .AddTime(later(terms.resolution_promise));
  row.Add(answers && resolved >= 0 ? absl::StrCat(satisfaction) : "").AddFlag(escalated && resolved >= 0);
  rows->Add(PortfolioFile::kTickets, opened, row.Take());
}

void PortfolioActivity::Touch(const AccountDay& today, double engagement, Random* random, PortfolioRows* rows) {
  const bool weekend = WeekdayOf(today.day) >= 5;
  if (!weekend && next_touch_ >= 0 && today.day >= next_touch_) {
    AddTouchpoint(today.day, false, random, rows);
    // Managers keep to the cadence more or less.
    next_touch_ = today.day + std::max(3, Rounded(TermsOf(today.plan).touch_days * random->Uniform(0.7, 1.6)));
  }
  const double size = today.plan == Plan::kBusiness ? 2.2 : today.plan == Plan::kTeam ? 1.2 : 0.6;
  if (!weekend && random->Chance(0.022 * size * Logistic(0.2 + 1.2 * engagement))) {
    AddTouchpoint(today.day, true, random, rows);
  }
}

void PortfolioActivity::AddTouchpoint(std::int64_t day, bool inbound, Random* random, PortfolioRows* rows) {
  constexpr std::array<double, 5> kShares = {0.3, 0.4, 0.12, 0.14, 0.04};
  constexpr std::array<absl::string_view, 5> kChannels = {"call", "email", "chat", "meeting", "in_app"};
  constexpr std::array<absl::string_view, 4> kOutbound = {"Check-in", "Business review", "Training offered",
                                                          "Release news"};
  constexpr std::array<absl::string_view, 4> kInbound = {"Question on features", "Asks for a demo", "Feedback",
                                                         "Seats and prices"};
  const std::int64_t moment = Moment(day, random);
  const auto summary = static_cast<std::size_t>(random->Below(4));
  RowBuilder row;
  row.Add(account_).Add(NextId('c')).AddTime(moment).Add(kChannels[static_cast<std::size_t>(random->Choose(kShares))]);
  row.Add(inbound ? "inbound" : "outbound").Add(inbound ? kInbound[summary] : kOutbound[summary]);
  rows->Add(PortfolioFile::kTouchpoints, moment, row.Take());
}

void PortfolioActivity::Survey(const AccountDay& today, double engagement, Random* random, PortfolioRows* rows) {
  const std::int64_t age = today.day - today.since;
  if (age < 30) return;
  if ((today.day + offset_) % 180 == 0 && random->Chance(Logistic(0.2 + 0.8 * engagement))) {
    AddSurvey(today.day, "nps", std::clamp(Rounded(7.3 + 1.4 * engagement + 1.7 * random->Normal()), 0, 10), random,
              rows);
  }
  if ((today.day + offset_) % 90 == 30 && random->Chance(0.35 * Logistic(0.6 + 0.6 * engagement))) {
    AddSurvey(today.day, "csat", std::clamp(Rounded(3.9 + 0.6 * engagement + 0.8 * random->Normal()), 1, 5), random,
              rows);
  }
  const int pulse_days = today.plan == Plan::kBusiness ? 45 : today.plan == Plan::kTeam ? 75 : 0;
  if (pulse_days > 0 && (today.day + offset_) % pulse_days == 0) {
    // A judgement from a conversation now and then: managers hear late of what goes wrong, and see it as they are.
    const double judgement = 66 + 9 * engagement + manager_view_ + 16 * random->Normal();
    AddSurvey(today.day, "pulse", std::clamp(Rounded(judgement), 0, 100), random, rows);
  }
}

void PortfolioActivity::AddSurvey(std::int64_t day, absl::string_view kind, int score, Random* random,
                                  PortfolioRows* rows) {
  const std::int64_t moment = Moment(day, random);
  RowBuilder row;
  row.Add(account_).Add(NextId('s')).AddTime(moment).Add(kind).Add(std::int64_t{score}).Add("");
  rows->Add(PortfolioFile::kSurveys, moment, row.Take());
}

}  // namespace perennial::cli
