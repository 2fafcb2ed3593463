#pragma once

#include <CLI/App.hpp>
#include <string>

#include "cli/global_options.h"

namespace perennial::cli {

// `perennial backup` and `perennial restore`; see AddReportCommand in commands.h. `version` goes into backups.
void AddBackupCommand(CLI::App& app, GlobalOptions& options, const std::string& version);
void AddRestoreCommand(CLI::App& app, GlobalOptions& options);

}  // namespace perennial::cli
