#pragma once

#include <string>
#include <vector>

#include "cli/text.h"

namespace perennial::cli {

// A row of a share table.
struct Share {
  Text label;
  // Length of its bar is relative to the largest count.
  double count = 0;
  Style style = Style::kCyan;
  // As many as there are titles.
  std::vector<Text> cells;
};

// Labels, bars that take what is left of `width` columns, and numbers, right-aligned, under `titles`.
Page ShareTable(const std::vector<std::string>& titles, const std::vector<Share>& shares, int width);

}  // namespace perennial::cli
