#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/storage/sqlite.h"

namespace perennial {

// Entries of the audit trail beside what they tell of, in the database of a service: an entry is committed with the change that a
// call makes, and stays until the journal has it (AuditSender), so that no kill loses it. For stores: each function is called by the
// one thread that writes at a time.

// The table, for a migration of the store.
inline constexpr char kKeptChangesSchema[] =
    "CREATE TABLE kept_changes (id TEXT NOT NULL PRIMARY KEY, resource TEXT NOT NULL, entry BLOB NOT NULL) STRICT, WITHOUT ROWID;";

// sqlite::Connection::InTransaction for what a call may change: with the change is committed its entry, where there is one
// (ChangeToKeep), and entries go that the journal has.
absl::Status InAuditedTransaction(sqlite::Connection& writer, const std::function<absl::Status()>& body);

// Sends entries that a kill left. Once a database is open and before the first change; does nothing where nobody takes changes.
absl::Status SendKeptChanges(sqlite::Connection& writer);

// Within a transaction that purges an account: what is kept of it goes, and what the journal has.
absl::Status ForgetKeptChanges(sqlite::Connection& writer, absl::string_view account_id);

}  // namespace perennial
