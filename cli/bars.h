#pragma once

#include <optional>
#include <vector>

#include "cli/text.h"

namespace perennial::cli {

// A bar of `share` (0 to 1, clamped; NaN counts as 0) of `width` columns, in eighths of a column, padded to `width`.
// What is more than nothing shows at least an eighth. `track` fills what is left with dim dots, so that the whole is
// seen.
Text Bar(double share, int width, Style style, bool track = false);

// A part of a stacked bar.
struct BarPart {
  double value = 0;  // not negative
  Style style = Style::kPlain;
  const char* shade = "█";  // one column; tells the parts apart where there are no colours
};

// One bar of exactly `width` columns whose parts are as long as their values; the longest ones give way to rounding,
// and what is more than nothing has a column. Empty when all are 0.
Text StackedBar(const std::vector<BarPart>& parts, int width);

// Eight heights between `low` and `high`; unknown is a dim dot.
Text Sparkline(const std::vector<std::optional<double>>& values, double low, double high, Style style);

}  // namespace perennial::cli
