#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/mapping.h"

namespace perennial::cli {

// Ties the expressions of `file` to the columns of the real file, and turns columns "attributes.<key>:<type>" into
// attributes where the mapping says so. INVALID_ARGUMENT, with source, line and nearest name, when the mapping names a
// column that the file does not have, or the file has one that the mapping neither uses nor ignores. Call once a file.
absl::Status BindFile(const std::string& source, const std::vector<std::string>& header, FileMapping* file);

// Reads the other files that the lookups of `files` need, from `folder`, and fills their tables. `mapping` tells how
// those files are written. An entry ends up ambiguous when rows contradict each other.
absl::Status LoadTables(const Mapping& mapping, const std::string& folder, const std::vector<FileMapping*>& files);

// The names of the columns of an opened file: those of the mapping, else its first row.
absl::StatusOr<std::vector<std::string>> ReadHeader(const FileMapping& file, CsvReader* reader);

}  // namespace perennial::cli
