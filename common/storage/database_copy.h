#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

// Copies of databases that are in use, each as one state of it. Whatever the database is, the copy is a SQLite file.
namespace perennial::storage {

// A copy that is being made. For one thread at a time. Destroyed before it is complete, it leaves an unusable file.
class DatabaseCopy {
 public:
  virtual ~DatabaseCopy() = default;
  // Copies some more. False: the copy is complete, and its file closed. RESOURCE_EXHAUSTED when there is no room,
  // UNAVAILABLE when the database cannot be read now.
  virtual absl::StatusOr<bool> Step() = 0;
};

// A database that can be copied.
struct CopySource {
  // Name for the copy, for example "accounts.db".
  std::string file;
  // About how many bytes the copy will have; 0 when that is not known.
  std::function<absl::StatusOr<std::int64_t>()> size;
  // Begins a copy in a new file at `to`.
  std::function<absl::StatusOr<std::unique_ptr<DatabaseCopy>>(const std::string& to)> begin;
};

// The SQLite database at `path`. Page by page, in steps of some milliseconds, from one snapshot; writers are not held up.
CopySource SqliteSource(const std::string& path);

}  // namespace perennial::storage
