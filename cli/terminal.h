#pragma once

#include "cli/global_options.h"

namespace perennial::cli {

constexpr int kMinWidth = 60;
constexpr int kDefaultWidth = 80;
constexpr int kMaxWidth = 120;

// What the place where answers go can show.
struct Terminal {
  bool is_terminal = false;
  bool colour = false;
  // Columns to use, kMinWidth to kMaxWidth.
  int width = kDefaultWidth;
};

// Looks at standard output, when that is where `options.out` goes. Colours only on a terminal, and neither with
// --no-color, nor while NO_COLOR is set to something (no-color.org), nor on TERM=dumb. The width is the terminal's;
// elsewhere COLUMNS counts, then 80.
Terminal DetectTerminal(const GlobalOptions& options);

}  // namespace perennial::cli
