#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"
#include "common/filter/filter.h"
#include "common/filter/program.h"
#include "common/filter/syntax_tree.h"

namespace perennial::filter {

// Looks names up, checks types and makes the runnable form of a parsed filter. INVALID_ARGUMENT with the position, and
// with the nearest known name, for what does not fit the catalogue. `source` is the text that `tree` was parsed from.
absl::StatusOr<Program> Check(absl::string_view source, SyntaxTree tree, const facts::FactCatalogue& catalogue,
                              const CompileOptions& options);

}  // namespace perennial::filter
