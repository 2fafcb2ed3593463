#pragma once

#include <CLI/App.hpp>

#include "cli/global_options.h"

// Each adds one command to `app`. Its callback sets `options.exit_code`; `options` must outlive `app`.
namespace perennial::cli {

void AddReportCommand(CLI::App& app, GlobalOptions& options);
void AddAccountCommand(CLI::App& app, GlobalOptions& options);
void AddWatchCommand(CLI::App& app, GlobalOptions& options);
void AddSegmentsCommand(CLI::App& app, GlobalOptions& options);
void AddFlagsCommand(CLI::App& app, GlobalOptions& options);
void AddFactsCommand(CLI::App& app, GlobalOptions& options);
void AddValidateCommand(CLI::App& app, GlobalOptions& options);
void AddReadyCommand(CLI::App& app, GlobalOptions& options);

// A command whose own options and the global ones may stand in any order after it.
CLI::App* AddCommand(CLI::App& app, const std::string& name, const std::string& description);

// "segments/silent" of what the user typed, "silent" or "segments/silent"; empty stays empty.
std::string SegmentName(const std::string& text);

// What the tables of --help say about exit codes.
constexpr const char* kExitCodesHelp =
    "Exit codes: 0 success; 1 failure (why is told on standard error); 2 import finished, but some rows were refused; "
    "64 the command line is wrong.";

}  // namespace perennial::cli
