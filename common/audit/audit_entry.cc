#include "common/audit/audit_entry.h"

#include <utility>

#include "common/base/time_util.h"

namespace perennial {

accounts::v1::AuditEntry ToAuditEntry(AuditedChange change) {
  accounts::v1::AuditEntry entry;
  entry.set_id(std::move(change.id));
  SetTimestamp(change.time, entry.mutable_event_time());
  entry.set_caller(std::move(change.caller));
  entry.set_method(std::move(change.method));
  entry.set_resource(std::move(change.resource));
  entry.set_old_value(std::move(change.old_value));
  entry.set_new_value(std::move(change.new_value));
  entry.set_trace_id(std::move(change.trace_id));
  return entry;
}

AuditedChange FromAuditEntry(accounts::v1::AuditEntry entry) {
  return {.id = std::move(*entry.mutable_id()),
          .time = ToTime(entry.event_time()),
          .caller = std::move(*entry.mutable_caller()),
          .method = std::move(*entry.mutable_method()),
          .resource = std::move(*entry.mutable_resource()),
          .old_value = std::move(*entry.mutable_old_value()),
          .new_value = std::move(*entry.mutable_new_value()),
          .trace_id = std::move(*entry.mutable_trace_id())};
}

}  // namespace perennial
