#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/mapping.h"

namespace perennial::cli {

// Reads a mapping. `source` names it in messages. INVALID_ARGUMENT with "<source>:<line>: ..." for anything that is not
// in the language of docs/import.md: unknown keys, missing fields, unknown kinds, bad units.
absl::StatusOr<Mapping> ParseMapping(const std::string& text, const std::string& source);

// Reads a mapping that was shipped with the program ("ravenstack") or a file ("./mine.yaml": anything with a "/" or a
// "."). NOT_FOUND names the shipped ones.
absl::StatusOr<Mapping> LoadMapping(const std::string& name_or_file);

}  // namespace perennial::cli
