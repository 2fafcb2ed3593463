#pragma once

#include "absl/status/statusor.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/purge.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/account_service.pb.h"

namespace perennial::accounts {

// The rules of AccountService: each method checks its request, names everything that is wrong with it, and changes all or
// nothing. Thread-safe. Errors are those that the proto lists for the method.
class Accounts {
 public:
  // All must outlive this.
  Accounts(Store& store, FactNumbering& numbering, const Clock& clock)
      : store_(store), numbering_(numbering), clock_(clock) {}

  absl::StatusOr<v1::CreateAccountResponse> Create(const v1::CreateAccountRequest& request);
  absl::StatusOr<v1::GetAccountResponse> Get(const v1::GetAccountRequest& request);
  absl::StatusOr<v1::BatchGetAccountsResponse> BatchGet(const v1::BatchGetAccountsRequest& request);
  absl::StatusOr<v1::ListAccountsResponse> List(const v1::ListAccountsRequest& request);
  absl::StatusOr<v1::UpdateAccountResponse> Update(const v1::UpdateAccountRequest& request);
  absl::StatusOr<v1::DeleteAccountResponse> Delete(const v1::DeleteAccountRequest& request);
  absl::StatusOr<v1::UndeleteAccountResponse> Undelete(const v1::UndeleteAccountRequest& request);
  absl::StatusOr<v1::PurgeAccountResponse> Purge(const v1::PurgeAccountRequest& request) {
    return PurgeAccount(store_, clock_, request);
  }
  absl::StatusOr<v1::ListPhaseChangesResponse> ListPhaseChanges(const v1::ListPhaseChangesRequest& request);

 private:
  absl::StatusOr<v1::Account> Read(absl::string_view id);

  Store& store_;
  FactNumbering& numbering_;
  const Clock& clock_;
};

// INVALID_ARGUMENT under `field` unless the parent of `state` exists and `id` is not among its ancestors.
absl::Status CheckParent(ReadTransaction& transaction, absl::string_view id, const AccountState& state,
                         absl::string_view field);

}  // namespace perennial::accounts
