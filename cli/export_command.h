#pragma once

#include <CLI/App.hpp>

#include "cli/global_options.h"

namespace perennial::cli {

// Adds `export` to `app`; `global` must outlive it.
void AddExportCommand(CLI::App& app, GlobalOptions& global);

}  // namespace perennial::cli
