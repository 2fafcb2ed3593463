#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace perennial::postgres {

// The meaning of an SQLSTATE, by code, never by text; `message` is only for errors that are our own fault.
absl::Status StatusOf(absl::string_view sqlstate, absl::string_view message);

// The database asks to run the transaction again: a serialization failure or a deadlock.
bool IsConflict(absl::string_view sqlstate);

// The connection is of no more use: the server ends it, or is not (no longer) one that takes writes.
bool IsLoss(absl::string_view sqlstate);

absl::Status Unreachable();

}  // namespace perennial::postgres
