#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace perennial::sql {

// A statement with PostgreSQL's placeholders: ? becomes $1, $2, ... and ?3 becomes $3. As in SQLite, a plain ? takes
// the number after the greatest so far. Quoted texts, quoted names and comments stay as they are.
std::string PlaceholdersForPostgres(absl::string_view sql);

// Tables that are written in SQLite's dialect, for PostgreSQL: INTEGER becomes BIGINT, REAL becomes DOUBLE PRECISION,
// BLOB becomes BYTEA, TEXT compares by bytes as it does in SQLite, and STRICT and WITHOUT ROWID fall away.
std::string DdlForPostgres(absl::string_view ddl);

}  // namespace perennial::sql
