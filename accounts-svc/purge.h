#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/account_service.pb.h"

namespace perennial::accounts {

// AccountService.PurgeAccount. In one transaction the account, everything small about it and its id go, and the tombstone
// comes; what it may have very much of (records and usage) can be reached by nobody from then on, and is erased in small
// transactions, so that others get their turn. The call is answered when all is erased. When the process ends before, the
// Sweeper of the next one goes on.
absl::StatusOr<perennial::accounts::v1::PurgeAccountResponse> PurgeAccount(
    Store& store, const Clock& clock, const perennial::accounts::v1::PurgeAccountRequest& request);

// Finishes purges that were begun, until `stop` says so.
absl::Status FinishPurges(Store& store, const std::function<bool()>& stop);

}  // namespace perennial::accounts
