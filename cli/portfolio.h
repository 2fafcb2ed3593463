#pragma once

#include <functional>

#include "absl/status/status.h"
#include "cli/portfolio_plan.h"
#include "cli/portfolio_writer.h"

namespace perennial::cli {

// Writes the portfolio of `config`. `on_day` is called after each day with the number of days done and of all days;
// when it says no, the work ends with CANCELLED. The same configuration gives the same files, to the byte, on every
// machine.
absl::Status GeneratePortfolio(const PortfolioConfig& config, PortfolioWriter* writer,
                               const std::function<bool(std::int64_t done, std::int64_t total)>& on_day);

}  // namespace perennial::cli
