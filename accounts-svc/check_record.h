#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "common/base/error_details.h"
#include "perennial/accounts/v1/record.pb.h"

namespace perennial::accounts {

// OK when a record may be applied, else INVALID_ARGUMENT with every bad field named as the record's fields are ("usage.value").
// `now` bounds times: records may lie a day ahead, for senders whose clocks differ.
absl::Status CheckRecord(const perennial::accounts::v1::Record& record, absl::Time now, absl::string_view currency,
                         const FactNumbering& numbering);
// The same, adding what is wrong to `bad`.
void CheckRecord(const perennial::accounts::v1::Record& record, absl::Time now, absl::string_view currency,
                 const FactNumbering& numbering, BadRequest& bad);

// Adds to `bad` unless a record may have `id`: 1 to 128 printable ASCII characters.
void CheckRecordId(absl::string_view field, absl::string_view id, BadRequest& bad);

// When the state of a ticket was current: what its sender says, else the latest time in it.
absl::Time TicketUpdateTime(const perennial::accounts::v1::Record& record);

}  // namespace perennial::accounts
