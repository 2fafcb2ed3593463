#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "health-svc/portfolio.h"

namespace perennial::health {

// The account in "accounts/{account}/healthScore" or "accounts/{account}"; a view into `name`. INVALID_ARGUMENT with a
// sentence that completes "<field> ...".
absl::StatusOr<absl::string_view> AccountOfScoreName(absl::string_view name);

// The account in "accounts/{account}"; a view into `name`.
absl::StatusOr<absl::string_view> AccountOfParent(absl::string_view parent);

// NOT_FOUND that names the accounts.
absl::Status NoSuchAccounts(const std::vector<std::string>& accounts);

// UNAVAILABLE: the facts of an account have not come yet since the start.
absl::Status NotCaughtUp();

// Adds what is wrong with the end of something that a person sets (null: absent): later than `now`, at most 366 days.
void CheckEnd(const google::protobuf::Timestamp* end, absl::Time now, absl::string_view field, BadRequest& bad);

// OK for a revision that can be waited for.
absl::Status CheckFactsRevision(std::int64_t revision);

// Adds what is wrong with a list's filter to `bad`. A fact that is not known counts only once there is nothing to wait
// for, or something else is wrong: the facts that the request waits for may bring it. Takes a ReadLock.
void CheckListFilter(const Portfolio& portfolio, absl::string_view filter, std::int64_t min_facts_revision,
                     BadRequest& bad);

}  // namespace perennial::health
