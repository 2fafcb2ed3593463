#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial::health {

// The account in "accounts/{account}/healthScore" or "accounts/{account}"; a view into `name`. INVALID_ARGUMENT with a
// sentence that completes "<field> ...".
absl::StatusOr<absl::string_view> AccountOfScoreName(absl::string_view name);

// The account in "accounts/{account}"; a view into `name`.
absl::StatusOr<absl::string_view> AccountOfParent(absl::string_view parent);

// NOT_FOUND that names the accounts.
absl::Status NoSuchAccounts(const std::vector<std::string>& accounts);

// OK for a revision that can be waited for.
absl::Status CheckFactsRevision(std::int64_t revision);

}  // namespace perennial::health
