#pragma once

#include <CLI/App.hpp>

#include "cli/global_options.h"

namespace perennial::cli {

// Adds `generate DIR --accounts N`. Its callback sets `global.exit_code`. `global` must outlive `app`.
void AddGenerateCommand(CLI::App& app, GlobalOptions& global);

}  // namespace perennial::cli
