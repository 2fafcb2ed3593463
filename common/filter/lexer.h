#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/filter/token.h"

namespace perennial::filter {

// Whether a byte may stand in a bare word. Everything else must be quoted.
bool IsWordCharacter(char c);

// Splits a filter into tokens, the last of which is kEnd. INVALID_ARGUMENT with the position for text that is too long,
// not UTF-8, has control characters, an unfinished quote or a character that belongs to no token.
absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view source);

}  // namespace perennial::filter
