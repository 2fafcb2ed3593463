#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/storage/database_copy.h"
#include "common/storage/postgres_sql.h"
#include "common/storage/sql.h"

namespace perennial::storage {

// The tables of `schema` in a PostgreSQL database, row by row from one snapshot, in one step.
CopySource PostgresSource(const std::string& file, const postgres::Options& options, const sql::Schema& schema);

// Copies the rows of all tables of the SQLite file at `path`, which is of `schema` or an older version of it and is brought
// up to date first, to a PostgreSQL database: all or nothing. FAILED_PRECONDITION when that has any rows of the table
// `must_be_empty` already.
absl::Status CopyToPostgres(const std::string& path, const postgres::Options& options, const sql::Schema& schema,
                            const std::string& must_be_empty);

}  // namespace perennial::storage
