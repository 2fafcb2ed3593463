#pragma once

#include <iostream>
#include <string>

#include "absl/time/time.h"

namespace perennial::cli {

// How the process ends, told by every command's help.
constexpr int kExitSuccess = 0;
constexpr int kExitFailure = 1;      // the command could not do what it was asked for
constexpr int kExitRefusedRows = 2;  // `import` is through, but refused some rows
constexpr int kExitUsage = 64;       // the command line itself is wrong (EX_USAGE of sysexits.h)

// What every command shares. Filled by the parser before a command runs; a command sets `exit_code`.
struct GlobalOptions {
  // "host:port" of the gateway.
  std::string gateway = "localhost:50050";
  // One machine-readable answer instead of a view.
  bool json = false;
  // No escape codes, even on a terminal.
  bool no_color = false;
  // Deadline of every call; streams that follow changes have none.
  absl::Duration timeout = absl::Seconds(10);
  // Exit code of the process.
  int exit_code = kExitSuccess;
  // Where answers and complaints go; tests read them.
  std::ostream* out = &std::cout;
  std::ostream* err = &std::cerr;
};

}  // namespace perennial::cli
