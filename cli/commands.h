#pragma once

#include <CLI/App.hpp>

#include "cli/global_options.h"

// Each adds one command to `app`. Its callback sets `options.exit_code`; `options` must outlive `app`.
namespace perennial::cli {

void AddReportCommand(CLI::App& app, GlobalOptions& options);
void AddRetentionCommand(CLI::App& app, GlobalOptions& options);
void AddEquityCommand(CLI::App& app, GlobalOptions& options);
void AddAccountCommand(CLI::App& app, GlobalOptions& options);
void AddWatchCommand(CLI::App& app, GlobalOptions& options);
void AddSegmentsCommand(CLI::App& app, GlobalOptions& options);
void AddFlagsCommand(CLI::App& app, GlobalOptions& options);
void AddFactsCommand(CLI::App& app, GlobalOptions& options);
void AddRatesCommand(CLI::App& app, GlobalOptions& options);
void AddPhaseCommand(CLI::App& app, GlobalOptions& options);
void AddBacktestCommand(CLI::App& app, GlobalOptions& options);
void AddValueCommand(CLI::App& app, GlobalOptions& options);
void AddModelsCommand(CLI::App& app, GlobalOptions& options);
void AddFitCommand(CLI::App& app, GlobalOptions& options);
void AddValidateCommand(CLI::App& app, GlobalOptions& options);
void AddReadyCommand(CLI::App& app, GlobalOptions& options);

// A command whose own options and the global ones may stand in any order after it. `description` is its line in the
// list of commands; `details` stand in its own help too. Its help ends with the exit codes.
CLI::App* AddCommand(CLI::App& app, const std::string& name, const std::string& description,
                     const std::string& details = "");

// "segments/silent" of what the user typed, "silent" or "segments/silent"; empty stays empty.
std::string SegmentName(const std::string& text);

// What every help says about exit codes.
constexpr const char* kExitCodesHelp =
    "Exit codes:\n"
    "  0   success\n"
    "  1   failure: standard error says what failed and what to do\n"
    "  2   import is through, but refused some rows\n"
    "  64  the command line is wrong";

}  // namespace perennial::cli
