#include "cli/portfolio.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "cli/portfolio_account.h"
#include "common/base/status_macros.h"

namespace perennial::cli {

absl::Status GeneratePortfolio(const PortfolioConfig& config, PortfolioWriter* writer,
                               const std::function<bool(std::int64_t done, std::int64_t total)>& on_day) {
  std::vector<std::unique_ptr<PortfolioAccount>> accounts;
  accounts.reserve(static_cast<std::size_t>(config.accounts));
  std::int64_t first = config.first_day;
  for (int i = 0; i < config.accounts; ++i) {
    accounts.push_back(std::make_unique<PortfolioAccount>(config, i));
    first = std::min(first, accounts.back()->since());
  }
  // Day by day over all accounts, so that the rows come in the order of time without keeping them all.
  PortfolioRows rows;
  for (std::int64_t day = first; day < config.end_day; ++day) {
    for (const auto& account : accounts) {
      if (account->since() <= day) account->Live(day, &rows);
    }
    PERENNIAL_RETURN_IF_ERROR(writer->Write(&rows));
    if (!on_day(day - first + 1, config.end_day - first)) return absl::CancelledError("stopped");
  }
  return absl::OkStatus();
}

}  // namespace perennial::cli
