#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "cli/portfolio_engagement.h"
#include "cli/portfolio_math.h"
#include "cli/portfolio_plan.h"
#include "cli/portfolio_writer.h"

namespace perennial::cli {

// What an account is like on a day, as far as its activity depends on it.
struct AccountDay {
  std::int64_t day = 0;
  // Day on which it became a customer.
  std::int64_t since = 0;
  Plan plan = Plan::kStarter;
  int seats = 1;
};

// Everything an account does and that is done for it while it is a customer: use of the product, tickets,
// conversations, surveys and the steps of onboarding.
class PortfolioActivity {
 public:
  PortfolioActivity(const PortfolioConfig& config, std::string account, Random* random);

  // The steps of onboarding are planned for an account that begins on `day`.
  void Begin(std::int64_t day, double engagement, Random* random);
  // What happens on a day.
  void Live(const AccountDay& today, Random* random, Engagement* engagement, PortfolioRows* rows);

 private:
  static constexpr int kSteps = 5;

  void Use(const AccountDay& today, double engagement, Random* random, PortfolioRows* rows);
  void UseBySlot(const AccountDay& today, std::int64_t slot, double engagement, Random* random, PortfolioRows* rows);
  void UseMetric(const AccountDay& today, absl::string_view metric, int value, int user, Random* random,
                 PortfolioRows* rows);
  void Support(const AccountDay& today, Random* random, Engagement* engagement, PortfolioRows* rows);
  void OpenTicket(std::int64_t day, Random* random, Engagement* engagement, PortfolioRows* rows);
  void Touch(const AccountDay& today, double engagement, Random* random, PortfolioRows* rows);
  void AddTouchpoint(std::int64_t day, bool inbound, Random* random, PortfolioRows* rows);
  void Survey(const AccountDay& today, double engagement, Random* random, PortfolioRows* rows);
  void AddSurvey(std::int64_t day, absl::string_view kind, int score, Random* random, PortfolioRows* rows);
  void Onboard(const AccountDay& today, Random* random, PortfolioRows* rows);
  // Whether something that happens every `days` days, and more rarely with a lower density, happens on `slot`.
  [[nodiscard]] bool IsDue(std::int64_t slot, int days, int offset) const;
  std::string NextId(char kind);
  // A moment of the working day.
  static std::int64_t Moment(std::int64_t day, Random* random);

  const PortfolioConfig& config_;
  const std::string account_;
  const int offset_;
  const bool works_weekends_;
  const bool uses_api_;
  const bool uses_exports_;
  // How long support takes for this account, about 1: bad luck is lasting.
  const double support_luck_;
  const double volume_;
  // Who logs in is also a matter of how a customer works: some buy seats for everybody, others share them. About 0.
  double seat_habit_;
  // How rosily its manager sees this account, in points of the pulse.
  const double manager_view_;
  int reports_from_day_;
  std::int64_t steps_[kSteps] = {-1, -1, -1, -1, -1};
  std::int64_t next_touch_ = -1;
  std::int64_t records_ = 0;
};

}  // namespace perennial::cli
