#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/text.h"
#include "perennial/accounts/v1/account_service.pb.h"
#include "perennial/gateway/v1/customer_service.pb.h"
#include "perennial/health/v1/health_score.pb.h"

namespace perennial::cli {

// Everything that `perennial account` shows.
struct AccountData {
  perennial::gateway::v1::GetCustomer360Response customer;
  // Newest first.
  std::vector<perennial::health::v1::HealthScoreChange> history;
  // Of the account and all below it; without nodes when it could not be read.
  perennial::accounts::v1::GetAccountHierarchyResponse hierarchy;
  // What could not be read besides, one sentence each.
  std::vector<std::string> notes;
};

// The account for a terminal of `width` columns. A part that the gateway could not read is marked as such, never shown
// as empty.
Page RenderAccount(const AccountData& data, int width);

// What of `history` (newest first) held at the end of each of `columns` equal slices of the time from its first entry
// to `end`.
std::vector<std::optional<double>> SampleHistory(const std::vector<perennial::health::v1::HealthScoreChange>& history,
                                                 absl::Time end, int columns);

}  // namespace perennial::cli
