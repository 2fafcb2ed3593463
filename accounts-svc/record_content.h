#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "accounts-svc/store/store.h"
#include "perennial/accounts/v1/record.pb.h"
#include "perennial/accounts/v1/record_service.pb.h"

// Records as the store keeps them, and as messages say them.
namespace perennial::accounts {

// The kind of a checked record; unspecified for states of accounts and subscriptions.
v1::RecordKind KindOf(const v1::Record& record);

// The store's kind; nothing for usage, which is kept apart.
std::optional<RecordKind> StoredKind(v1::RecordKind kind);
v1::RecordKind FromStoredKind(RecordKind kind);

// A checked record other than usage as it is stored: with the time of a ticket's state written out, and times in whole
// microseconds where the store orders by them.
StoredRecord ToStored(RecordKind kind, const v1::Record& record);

// A checked record of usage as it is stored; `metric` is the number of its metric.
UsageEvent ToUsageEvent(const v1::Record& record, std::int64_t metric);

// The same back. Equal events give equal bytes.
v1::Record UsageRecord(absl::string_view account_id, absl::string_view metric, const UsageEvent& event);

// A stored record back. DATA_LOSS when it cannot be read.
absl::StatusOr<v1::Record> ReadRecord(absl::string_view payload);

}  // namespace perennial::accounts
