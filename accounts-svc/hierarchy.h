#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/account_service.pb.h"

namespace perennial::accounts {

// The tree of accounts below an account, with revenue rolled up. Thread-safe. Errors are those that the proto lists for
// the method.
class Hierarchy {
 public:
  // `store` and `clock` must outlive this. Money is in `currency`.
  Hierarchy(Store& store, const Clock& clock, std::string currency)
      : store_(store), clock_(clock), currency_(std::move(currency)) {}

  absl::StatusOr<v1::GetAccountHierarchyResponse> Get(const v1::GetAccountHierarchyRequest& request);

 private:
  Store& store_;
  const Clock& clock_;
  const std::string currency_;
};

// Lists the parents of accounts that a program wrote which kept no such list; does nothing when that was done. In small
// writes; when it is interrupted, it begins anew at the next start.
absl::Status ListFormerParents(Store& store);

}  // namespace perennial::accounts
