#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/storage/sql.h"
#include "common/storage/sqlite.h"

// SQLite behind sql::Connection. Write transactions are BEGIN IMMEDIATE; see sqlite.h for what is set at opening.
namespace perennial::sqlite {

// Opens or creates the database at `path` and brings its schema up to date. FAILED_PRECONDITION with a sentence for
// people when it cannot be opened, is newer than this program or belongs to another one.
absl::StatusOr<std::unique_ptr<sql::Connection>> OpenSql(const std::string& path, Durability durability,
                                                         const sql::Schema& schema);
// Opens an existing database for reading only.
absl::StatusOr<std::unique_ptr<sql::Connection>> OpenSqlReader(const std::string& path);

}  // namespace perennial::sqlite
