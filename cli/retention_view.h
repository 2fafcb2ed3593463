#pragma once

#include "cli/text.h"
#include "perennial/segments/v1/portfolio_service.pb.h"

namespace perennial::cli {

// Periods below each other, and the cohort table when there is one.
Page RenderRetention(const perennial::segments::v1::GetRevenueRetentionResponse& retention,
                     perennial::segments::v1::RetentionPeriod period, int width);
// The accounts behind a figure.
Page RenderRetentionAccounts(const perennial::segments::v1::ListRevenueRetentionAccountsResponse& accounts,
                             const std::string& figure, int width);
Page RenderEquity(const perennial::segments::v1::GetCustomerEquityResponse& equity, int width);

}  // namespace perennial::cli
