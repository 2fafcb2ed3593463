#pragma once

#include <CLI/App.hpp>

#include "cli/global_options.h"

namespace perennial::cli {

// Adds `import DIR --mapping NAME|FILE`. Its callback sets `global.exit_code`: success, refused rows or failure.
// `global` must outlive `app`.
void AddImportCommand(CLI::App& app, GlobalOptions& global);

}  // namespace perennial::cli
