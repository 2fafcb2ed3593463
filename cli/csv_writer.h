#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perennial::cli {

// Appends `field` as RFC 4180 writes it: in quotes where it needs them, and where blanks begin or end it.
void AppendCsvField(absl::string_view field, std::string* out);

// Appends a row with its line end.
void AppendCsvRow(const std::vector<absl::string_view>& fields, std::string* out);

}  // namespace perennial::cli
