#pragma once

#include "absl/status/status.h"
#include "common/filter/program_builder.h"
#include "common/filter/syntax_tree.h"

namespace perennial::filter {

// Adds a name or text that is compared with nothing: a bool fact, or a text to search for in name, owner and tags.
// Refuses bare words that were probably meant otherwise: other facts, misspelt names, numbers, keywords in lower case.
absl::Status AddBareLiteral(const Value& literal, ProgramBuilder& builder);

}  // namespace perennial::filter
