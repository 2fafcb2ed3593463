#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/storage/sql.h"

// PostgreSQL (13 and later, tried with 15) behind sql::Connection, through libpq.
//
// Write transactions run one after another, whichever process they come from: each first locks the one row of the table
// perennial_schema until it ends. So a commit is visible before the next one begins, and numbers that write
// transactions give out become visible in order and without gaps. The lock fails with FAILED_PRECONDITION once a newer
// program has brought the schema further. Each commit counts up this connection's row of perennial_writers, which
// tells, when the connection is lost during COMMIT, whether the commit took place.
//
// A lost connection is opened anew by the next transaction; what was under way fails with UNAVAILABLE.
namespace perennial::postgres {

struct Options {
  // For libpq: a postgresql:// address or "host=... dbname=...", with TLS as sslmode, sslrootcert, ... say.
  std::string connection = {};
  // Longest that one statement may take.
  std::chrono::milliseconds statement_timeout{5000};
  // Longest wait for another writer.
  std::chrono::milliseconds lock_timeout{2000};
  // The server ends the transaction of a process that has hung for so long, so that it does not hold up all others.
  std::chrono::milliseconds idle_timeout{10'000};
  // How often a write transaction is run again after a conflict, with random pauses that begin at 10 ms and double.
  int most_retries = 5;
  // How long, after the connection was lost during COMMIT, to try to learn whether the commit took place.
  std::chrono::milliseconds resolve_timeout{3000};
  // Write transactions are READ COMMITTED, which their order makes safe. SERIALIZABLE is for databases that offer
  // nothing else, and for tests.
  bool serializable = false;
};

// Opens a connection for writing, and brings the schema up to date; many processes may do so at once.
// FAILED_PRECONDITION with a sentence for people when the schema is newer than this program, belongs to another one, or
// the database is not UTF-8; UNAVAILABLE when the server cannot be reached.
absl::StatusOr<std::unique_ptr<sql::Connection>> OpenSql(Options options, const sql::Schema& schema);
// Opens a connection for reading only.
absl::StatusOr<std::unique_ptr<sql::Connection>> OpenSqlReader(Options options);

// The connection string that a flag says: itself, or after @ the name of a file that holds it, since a command line is
// no place for a password. FAILED_PRECONDITION when the file cannot be read or is empty, INVALID_ARGUMENT when libpq
// does not understand it. Messages do not quote it.
absl::StatusOr<std::string> ConnectionString(absl::string_view flag);

}  // namespace perennial::postgres
