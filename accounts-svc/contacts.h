#pragma once

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/account_service.pb.h"

namespace perennial::accounts {

// The rules of AccountService's contacts: each method checks its request, names everything that is wrong with it, and
// changes all or nothing. Thread-safe. Errors are those that the proto lists for the method.
class Contacts {
 public:
  // Both must outlive this.
  Contacts(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  absl::StatusOr<v1::CreateContactResponse> Create(const v1::CreateContactRequest& request);
  absl::StatusOr<v1::GetContactResponse> Get(const v1::GetContactRequest& request);
  absl::StatusOr<v1::ListContactsResponse> List(const v1::ListContactsRequest& request);
  absl::StatusOr<v1::UpdateContactResponse> Update(const v1::UpdateContactRequest& request);
  absl::StatusOr<v1::DeleteContactResponse> Delete(const v1::DeleteContactRequest& request);

 private:
  Store& store_;
  const Clock& clock_;
};

}  // namespace perennial::accounts
