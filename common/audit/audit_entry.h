#pragma once

#include "common/server/audited_change.h"
#include "perennial/accounts/v1/audit_service.pb.h"

namespace perennial {

// A change as accounts-svc takes it, and back.
accounts::v1::AuditEntry ToAuditEntry(AuditedChange change);
AuditedChange FromAuditEntry(accounts::v1::AuditEntry entry);

}  // namespace perennial
