#include "cli/portfolio_account.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/portfolio_names.h"

namespace perennial::cli {
namespace {

constexpr double kShareOfExisting = 0.42;
constexpr int kDaysPerMonth = 30;
constexpr int kDaysPerYear = 365;
constexpr int kAccountsPerOwner = 70;

// The day of sign-up: some were customers long before the history begins; of the others, more and more come.
std::int64_t SignUpDay(const PortfolioConfig& config, Random* random) {
  if (random->Chance(kShareOfExisting)) {
    const double back = random->Uniform() * random->Uniform();
    return config.first_day - 20 - static_cast<std::int64_t>(back * 1100);
  }
  constexpr double kGrowth = 2.2;  // sign-ups of the last day for one of the first
  const double u = random->Uniform();
  const double share = (std::sqrt(1 + (kGrowth * kGrowth - 1) * u) - 1) / (kGrowth - 1);
  const auto days = static_cast<double>(config.end_day - config.first_day);
  return config.first_day + std::min(static_cast<std::int64_t>(share * days), config.end_day - config.first_day - 1);
}

int SeatsFor(Plan plan, Random* random) {
  const double u = random->Uniform() * random->Uniform();
  switch (plan) {
    case Plan::kStarter: return 1 + static_cast<int>(random->Uniform() * 6);
    case Plan::kTeam: return 6 + static_cast<int>(u * 16);
    case Plan::kBusiness: return 18 + static_cast<int>(u * 50);
  }
  return 1;
}

}  // namespace

PortfolioAccount::PortfolioAccount(const PortfolioConfig& config, int index)
    : config_(config),
      random_(config.seed, static_cast<std::uint64_t>(index)),
      name_(CompanyName(config.seed, index)),
      id_(IdOfName(name_)),
      since_(SignUpDay(config, &random_)),
      engagement_(&random_),
      activity_(config, id_, &random_) {
  constexpr std::array<double, 3> kPlanShares = {0.52, 0.34, 0.14};
  plan_ = static_cast<Plan>(random_.Choose(kPlanShares));
  seats_ = SeatsFor(plan_, &random_);
  yearly_ = random_.Chance(plan_ == Plan::kBusiness ? 0.8 : plan_ == Plan::kTeam ? 0.5 : 0.25);
  discount_percent_ = (yearly_ ? 15 : 0) + (plan_ == Plan::kBusiness ? random_.Between(0, 10) : 0);
  auto_renew_ = random_.Chance(0.85);
  owner_ = random_.Below(Owners());
  const int employees = seats_ * random_.Between(3, 14) + random_.Below(8);
  attributes_ =
      absl::StrCat(IndustryName(random_.Below(kIndustries)), ",", CountryCode(random_.Below(kCountries)), ",",
                   AcquisitionName(random_.Below(kAcquisitions)), ",", employees, ",", yearly_ ? "yearly" : "monthly");
  if (random_.Chance(0.07)) owner_change_ = since_ + random_.Between(60, 600);
}

int PortfolioAccount::Owners() const { return (config_.accounts + kAccountsPerOwner - 1) / kAccountsPerOwner; }

std::int64_t PortfolioAccount::MrrHundredths() const {
  const std::int64_t full = TermsOf(plan_).seat_price * seats_;
  return full * (100 - discount_percent_) / 100;
}

void PortfolioAccount::WriteAccount(std::int64_t day, PortfolioRows* rows) {
  RowBuilder row;
  row.Add(id_).Add(name_).Add(OwnerAddress(owner_)).Add(plan_ == Plan::kBusiness ? "key_account" : "");
  row.AddTime(since_ * kSecondsPerDay).AddTime(day * kSecondsPerDay).Add(attributes_);
  rows->Add(PortfolioFile::kAccounts, day * kSecondsPerDay, row.Take());
}

void PortfolioAccount::WriteSubscription(std::int64_t day, PortfolioRows* rows) const {
  const auto time_of = [](std::int64_t at) { return at < 0 ? at : at * kSecondsPerDay; };
  RowBuilder row;
  row.Add(id_).Add(absl::StrCat(id_, "-", contracts_)).AddTime(time_of(day)).Add(TermsOf(plan_).name);
  row.Add(std::int64_t{seats_}).AddHundredths(MrrHundredths()).Add("USD").AddFlag(trial_);
  row.AddTime(trial_ ? time_of(trial_end_) : -1).AddTime(time_of(contract_start_));
  row.AddTime(end_ >= 0 && end_ <= day ? time_of(end_) : -1).AddTime(time_of(renewal_)).AddFlag(auto_renew_);
  rows->Add(PortfolioFile::kSubscriptions, time_of(day), row.Take());
}

void PortfolioAccount::SignUp() {
  account_changed_ = true;
  activity_.Begin(since_, engagement_.At(since_), &random_);
  StartContract(since_, random_.Chance(0.45));
}

void PortfolioAccount::StartContract(std::int64_t day, bool trial) {
  ++contracts_;
  contract_start_ = day;
  end_ = -1;
  report_day_ = -1;
  trial_ = trial;
  phase_ = trial ? Phase::kTrial : Phase::kPaying;
  trial_end_ = trial ? day + (random_.Chance(0.6) ? 14 : 30) : -1;
  renewal_ = yearly_ && !trial ? day + kDaysPerYear : -1;
  subscription_changed_ = true;
}

void PortfolioAccount::Live(std::int64_t day, PortfolioRows* rows) {
  LiveContract(day, rows);
  // One state a day: two with the same moment would contradict each other.
  if (std::exchange(account_changed_, false)) WriteAccount(day, rows);
  if (std::exchange(subscription_changed_, false)) WriteSubscription(day, rows);
  if (phase_ != Phase::kGone) activity_.Live({day, since_, plan_, seats_}, &random_, &engagement_, rows);
}

void PortfolioAccount::LiveContract(std::int64_t day, PortfolioRows* rows) {
  if (day == since_) SignUp();
  if (day == owner_change_ && phase_ != Phase::kGone) {
    owner_ = (owner_ + 1 + random_.Below(5)) % Owners();
    account_changed_ = true;
  }
  if ((day - since_) % 7 == 6) engagement_.Step(&random_);
  if (phase_ == Phase::kTrial) LiveTrial(day);
  if (phase_ == Phase::kPaying) LivePaying(day);
  if (phase_ == Phase::kLeaving) {
    if (day == report_day_) WriteChurnReport(day, rows);
    if (day == end_) Leave(day);
  }
  if (phase_ == Phase::kGone && day == return_day_) {
    engagement_.ComeBack(&random_);
    StartContract(day, false);
  }
}

void PortfolioAccount::LiveTrial(std::int64_t day) {
  if (day != trial_end_) return;
  if (random_.Chance(Logistic(0.9 + 0.9 * engagement_.Lately()))) {
    phase_ = Phase::kPaying;
    renewal_ = yearly_ ? day + kDaysPerYear : -1;
    trial_ = false;
    trial_end_ = -1;
    subscription_changed_ = true;
    return;
  }
  end_ = day;
  subscription_changed_ = true;
  phase_ = Phase::kGone;
}

void PortfolioAccount::LivePaying(std::int64_t day) {
  const std::int64_t age = day - contract_start_;
  const double lately = engagement_.Lately();
  if (yearly_) {
    // The decision falls some time before the renewal, for or against it.
    if (day == renewal_ - 45 && random_.Chance(Logistic(-2.4 - 1.7 * lately))) {
      DecideToLeave(day, renewal_);
      return;
    }
    if (day == renewal_) {
      renewal_ += kDaysPerYear;
      subscription_changed_ = true;
      Resize(true);
      return;
    }
  } else if (age > 0 && age % kDaysPerMonth == 0 && random_.Chance(Logistic(-4.7 - 1.6 * lately))) {
    DecideToLeave(day, day + kDaysPerMonth);
    return;
  }
  if (age > 0 && age % kDaysPerMonth == 0) Resize(!yearly_);
}

void PortfolioAccount::Resize(bool may_shrink) {
  const double lately = engagement_.Lately();
  const double step = random_.Uniform(0.1, 0.35);
  const int change = std::max(1, static_cast<int>(seats_ * step));
  if (random_.Chance(Logistic(-3.5 + 1.0 * lately))) {
    SetSeats(seats_ + change);
  } else if (may_shrink && seats_ > 1 && random_.Chance(Logistic(-4.6 - 1.0 * lately))) {
    SetSeats(std::max(1, seats_ - change));
  }
}

void PortfolioAccount::SetSeats(int seats) {
  seats_ = seats;
  const Plan before = plan_;
  while (seats_ > TermsOf(plan_).most_seats) plan_ = static_cast<Plan>(static_cast<int>(plan_) + 1);
  subscription_changed_ = true;
  if (plan_ != before && plan_ == Plan::kBusiness) account_changed_ = true;
}

void PortfolioAccount::DecideToLeave(std::int64_t day, std::int64_t end) {
  phase_ = Phase::kLeaving;
  end_ = end;
  engagement_.LetGo(day, end);
  report_day_ = random_.Chance(0.8) ? day + 1 + random_.Below(static_cast<int>(end - day)) : -1;
  // Some say so by switching the renewal off; the others are silent until they are gone.
  if (auto_renew_ && random_.Chance(0.4)) {
    auto_renew_ = false;
    subscription_changed_ = true;
  }
}

void PortfolioAccount::Leave(std::int64_t day) {
  subscription_changed_ = true;
  phase_ = Phase::kGone;
  return_day_ = random_.Chance(0.05) ? day + random_.Between(50, 220) : -1;
}

void PortfolioAccount::WriteChurnReport(std::int64_t day, PortfolioRows* rows) {
  constexpr std::array<absl::string_view, 5> kReasons = {"low_usage", "support", "missing_features", "pricing",
                                                         "competitor"};
  constexpr std::array<absl::string_view, 5> kFeedback = {"We hardly use it any more", "Answers took too long",
                                                          "Something we need is not there", "Too expensive for us",
                                                          "We move to another product"};
  constexpr std::array<double, 5> kUnhappy = {0.38, 0.2, 0.17, 0.12, 0.13};
  constexpr std::array<double, 5> kHappy = {0.12, 0.08, 0.2, 0.34, 0.26};
  const auto reason = static_cast<std::size_t>(random_.Choose(engagement_.Lately() < -0.2 ? kUnhappy : kHappy));
  const std::int64_t moment = day * kSecondsPerDay + 12 * 3600;
  RowBuilder row;
  row.Add(id_).Add(absl::StrCat("churn-", contracts_)).AddTime(moment).Add(kReasons[reason]);
  row.Add(random_.Chance(0.6) ? kFeedback[reason] : "").AddFlag(contracts_ > 1);
  rows->Add(PortfolioFile::kChurnReports, moment, row.Take());
}

}  // namespace perennial::cli
