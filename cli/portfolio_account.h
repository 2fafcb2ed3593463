#pragma once

#include <cstdint>
#include <string>

#include "cli/portfolio_activity.h"
#include "cli/portfolio_engagement.h"
#include "cli/portfolio_math.h"
#include "cli/portfolio_plan.h"
#include "cli/portfolio_writer.h"

namespace perennial::cli {

// One generated account from its sign-up to the end of the history: contract, money, leaving, and through its activity
// all that can be seen of it. Draws from a stream of random numbers of its own, so that it is the same whoever else is
// generated.
class PortfolioAccount {
 public:
  // `config` must outlive it.
  PortfolioAccount(const PortfolioConfig& config, int index);

  // The day on which it signs up; may be before the first day of the history.
  [[nodiscard]] std::int64_t since() const { return since_; }
  // What happens on `day`. Called for every day from since() on, in order.
  void Live(std::int64_t day, PortfolioRows* rows);

 private:
  enum class Phase { kTrial, kPaying, kLeaving, kGone };

  // The contract's part of a day.
  void LiveContract(std::int64_t day, PortfolioRows* rows);
  void SignUp();
  void StartContract(std::int64_t day, bool trial);
  void LiveTrial(std::int64_t day);
  void LivePaying(std::int64_t day);
  // Changes of seats and plan.
  void Resize(bool may_shrink);
  void SetSeats(int seats);
  void DecideToLeave(std::int64_t day, std::int64_t end);
  void Leave(std::int64_t day);
  void WriteAccount(std::int64_t day, PortfolioRows* rows);
  void WriteSubscription(std::int64_t day, PortfolioRows* rows) const;
  void WriteChurnReport(std::int64_t day, PortfolioRows* rows);
  [[nodiscard]] std::int64_t MrrHundredths() const;
  // How many success managers there are.
  [[nodiscard]] int Owners() const;

  const PortfolioConfig& config_;
  Random random_;
  std::string name_;
  std::string id_;
  std::int64_t since_ = 0;
  Engagement engagement_;
  PortfolioActivity activity_;
  std::string attributes_;
  int owner_ = 0;

  Phase phase_ = Phase::kPaying;
  Plan plan_ = Plan::kStarter;
  int seats_ = 1;
  bool trial_ = false;
  bool yearly_ = false;
  int discount_percent_ = 0;
  bool auto_renew_ = true;
  int contracts_ = 0;
  std::int64_t contract_start_ = 0;
  std::int64_t trial_end_ = -1;
  std::int64_t renewal_ = -1;
  std::int64_t end_ = -1;
  std::int64_t report_day_ = -1;
  std::int64_t return_day_ = -1;
  std::int64_t owner_change_ = -1;
  bool account_changed_ = false;
  bool subscription_changed_ = false;
};

}  // namespace perennial::cli
