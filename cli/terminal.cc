#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace perennial::cli {
namespace {

absl::string_view Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  return value == nullptr ? "" : value;
}

}  // namespace

Terminal DetectTerminal(const GlobalOptions& options) {
  Terminal terminal;
  terminal.is_terminal = options.out == &std::cout && isatty(STDOUT_FILENO) == 1;
  terminal.colour =
      terminal.is_terminal && !options.no_color && Environment("NO_COLOR").empty() && Environment("TERM") != "dumb";
  int columns = 0;
  winsize size{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg)
  if (terminal.is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
  if (columns > 0 || (absl::SimpleAtoi(Environment("COLUMNS"), &columns) && columns > 0)) {
    terminal.width = std::clamp(columns, kMinWidth, kMaxWidth);
  }
  return terminal;
}

}  // namespace perennial::cli
