#include "cli/tiles.h"

#include <algorithm>

namespace perennial::cli {

Page Tiles(const std::vector<Tile>& tiles, int width) {
  if (tiles.empty()) return {};
  const int share = (width - 2) / static_cast<int>(tiles.size());
  Text labels("  ");
  Text values("  ");
  for (const Tile& tile : tiles) {
    const int end = labels.width() + std::max({share, tile.value.width() + 2, Text(tile.label).width() + 2});
    labels.Add(tile.label, Style::kDim).PadTo(end);
    values.Add(tile.value).PadTo(end);
  }
  return {labels.Truncated(width), values.Truncated(width)};
}

}  // namespace perennial::cli
