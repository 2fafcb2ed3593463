#pragma once

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "perennial/accounts/v1/audit_service.pb.h"

namespace perennial::accounts {

// The audit trail: what AuditService answers. Thread-safe.
class Audit {
 public:
  // `store` must outlive this.
  explicit Audit(Store& store) : store_(store) {}

  absl::StatusOr<v1::ListAuditEntriesResponse> List(const v1::ListAuditEntriesRequest& request);
  absl::StatusOr<v1::WriteAuditEntriesResponse> Write(const v1::WriteAuditEntriesRequest& request);

 private:
  Store& store_;
};

}  // namespace perennial::accounts
