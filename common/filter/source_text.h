#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace perennial::filter {

// "line:column" of a byte of the filter, both from 1, columns in characters: "1:14".
std::string PositionOf(absl::string_view source, std::size_t offset);

// INVALID_ARGUMENT "<problem> at <line>:<column>", with "; <hint>" behind it unless `hint` is empty.
absl::Status ErrorAt(absl::string_view source, std::size_t offset, absl::string_view problem,
                     absl::string_view hint = "");

// A piece of the filter as messages quote it: in single quotes, on one line, cut when it is long.
std::string Shown(absl::string_view text);

// Offset of the first byte that is not well-formed UTF-8, if any.
std::optional<std::size_t> FirstInvalidUtf8(absl::string_view text);

}  // namespace perennial::filter
