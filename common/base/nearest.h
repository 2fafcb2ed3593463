#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perennial {

// Number of single-character changes (put in, take out, replace, swap two neighbours) that turn `a` into `b`, by bytes;
// `limit` + 1 when it takes more than `limit`. Time grows with the product of the lengths.
int EditDistance(absl::string_view a, absl::string_view b, int limit);

// The candidate that someone who typed `name` probably meant, the first of equals; empty when none is near. Names over
// 128 bytes are near nothing.
std::string NearestName(absl::string_view name, const std::vector<absl::string_view>& candidates);

}  // namespace perennial
