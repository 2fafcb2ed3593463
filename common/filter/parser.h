#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/filter/syntax_tree.h"

namespace perennial::filter {

// Reads a filter by the grammar of AIP-160. INVALID_ARGUMENT with the position for what is no filter or is past the
// bounds.
absl::StatusOr<SyntaxTree> Parse(absl::string_view source);

}  // namespace perennial::filter
