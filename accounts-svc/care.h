#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "common/base/error_details.h"

namespace perennial::accounts {

// What contacts, goals and tasks have in common.

// Now as the store keeps it, in whole microseconds, so that an answer is the same before and after storing.
absl::Time StoredNow(const Clock& clock);

// Makes the fields of `to` that `names` names those of `from`, absent ones included.
void CopyFields(const google::protobuf::Message& from, const std::set<std::string>& names,
                google::protobuf::Message* to);

// The contact or goal of that id in a live account, live itself. NOT_FOUND, naming `name`.
absl::StatusOr<CareRecord> LiveCare(ReadTransaction& transaction, AccountNo no, CareKind kind, absl::string_view id,
                                    absl::string_view name);

// The first version of a new contact or goal, which follows those of a deleted one. ALREADY_EXISTS, naming `name`, when
// a live one has the id; INVALID_ARGUMENT when `effective` lies before the last change of the deleted one.
absl::StatusOr<CareRecord> NewCare(ReadTransaction& transaction, AccountNo no, CareKind kind, absl::string_view id,
                                   absl::string_view name, std::optional<absl::Time> effective, absl::Time now);

// Makes `record` its next version, which holds from `effective` on, or from now. INVALID_ARGUMENT under
// "effective_time" when that lies before the last change.
absl::Status BeginVersion(std::optional<absl::Time> effective, absl::Time now, CareRecord& record);

}  // namespace perennial::accounts
