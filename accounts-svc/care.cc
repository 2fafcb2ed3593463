#include "accounts-svc/care.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {

absl::Time StoredNow(const Clock& clock) { return absl::FromUnixMicros(absl::ToUnixMicros(clock.Now())); }

void CopyFields(const google::protobuf::Message& from, const std::set<std::string>& names,
                google::protobuf::Message* to) {
  const std::unique_ptr<google::protobuf::Message> copy(from.New());
  copy->CopyFrom(from);
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  for (const std::string& name : names) fields.push_back(from.GetDescriptor()->FindFieldByName(name));
  to->GetReflection()->SwapFields(copy.get(), to, fields);
}

absl::StatusOr<CareRecord> LiveCare(ReadTransaction& transaction, AccountNo no, CareKind kind, absl::string_view id,
                                    absl::string_view name) {
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<CareRecord> record, transaction.FindCare(no, kind, id));
  if (!record.has_value() || record->delete_time.has_value()) return NoSuch(name);
  return *std::move(record);
}

absl::StatusOr<CareRecord> NewCare(ReadTransaction& transaction, AccountNo no, CareKind kind, absl::string_view id,
                                   absl::string_view name, std::optional<absl::Time> effective, absl::Time now) {
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<CareRecord> record, transaction.FindCare(no, kind, id));
  if (!record.has_value()) {
    return CareRecord{
        .id = std::string(id), .create_time = now, .update_time = now, .effective = effective.value_or(now)};
  }
  if (!record->delete_time.has_value()) {
    return WithReason(absl::AlreadyExistsError(absl::StrCat(name, " exists")), "ALREADY_EXISTS");
  }
  PERENNIAL_RETURN_IF_ERROR(BeginVersion(effective, now, *record));
  record->create_time = now;
  record->delete_time.reset();
  return *std::move(record);
}

absl::Status BeginVersion(std::optional<absl::Time> effective, absl::Time now, CareRecord& record) {
  if (effective.has_value() && *effective < record.effective) {
    return BadField("effective_time", "must not be before the last change");
  }
  record.effective = effective.value_or(std::max(now, record.effective));  // the clock may have been set back
  record.update_time = now;
  ++record.version;
  return absl::OkStatus();
}

}  // namespace perennial::accounts
