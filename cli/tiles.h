#pragma once

#include <vector>

#include "cli/text.h"

namespace perennial::cli {

struct Tile {
  const char* label;
  Text value;
};

// Two lines: labels above values, in columns of one width where they fit, cut at `width`.
Page Tiles(const std::vector<Tile>& tiles, int width);

}  // namespace perennial::cli
