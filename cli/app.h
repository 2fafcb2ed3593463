#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/global_options.h"

namespace perennial::cli {

// The command line without any command: global options, --version, and help that tells the exit codes. `options` must
// outlive it.
std::unique_ptr<CLI::App> MakeApp(GlobalOptions& options, const std::string& version);

// Adds the commands that look at things: report, account, watch, segments, flags, facts, validate.
void AddViewCommands(CLI::App& app, GlobalOptions& options);

// Reads `arguments` (without the program's name) and runs the command they name. Returns the exit code.
int Run(CLI::App& app, GlobalOptions& options, std::vector<std::string> arguments);

}  // namespace perennial::cli
