#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace perennial::cli {

// `text` made safe for a terminal: what is not UTF-8, control characters (escape sequences, line breaks, tabs) and
// marks that reorder text become U+FFFD each. Names and reasons come from other people's data; they must not steer the
// terminal.
std::string CleanText(absl::string_view text);

// How many columns a terminal gives to `text`, which is clean: 2 for East Asian wide characters and emoji, 0 for
// combining marks, else 1.
int DisplayWidth(absl::string_view text);

// The longest beginning of clean `text` that fits `width` columns; when something is left off it ends with "…".
std::string TruncateText(absl::string_view text, int width);

}  // namespace perennial::cli
