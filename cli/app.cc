#include "cli/app.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/commands.h"

namespace perennial::cli {
namespace {

constexpr const char* kDescription =
    "Perennial: which customers are healthy, which are slipping, and why.\n"
    "Talks to the gateway; ./run starts one on localhost:50050.";

constexpr const char* kGlobalOptionsHelp =
    "Also, for every command: --json, --gateway, --timeout, --no-color (see perennial --help).";

constexpr absl::Duration kLongestTimeout = absl::Hours(1);

// "10s", "1m30s", or a number of seconds.
absl::Duration ParseTimeout(const std::string& text) {
  absl::Duration timeout;
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds)) {
    timeout = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, &timeout)) {
    throw CLI::ValidationError("--timeout", absl::StrCat("\"", text, "\" is no duration, for example 10s or 2m"));
  }
  if (timeout < absl::Milliseconds(1) || timeout > kLongestTimeout) {
    throw CLI::ValidationError("--timeout", "must be from 1ms to 1h");
  }
  return timeout;
}

}  // namespace

std::unique_ptr<CLI::App> MakeApp(GlobalOptions& options, const std::string& version) {
  auto app = std::make_unique<CLI::App>(kDescription, "perennial");
  app->require_subcommand(1);
  app->get_formatter()->column_width(26);
  app->set_version_flag("--version", absl::StrCat("perennial ", version), "Print the version and leave");
  app->set_help_all_flag("--help-all", "Print the help of every command and leave");
  app->add_option("-g,--gateway", options.gateway, "Address of the gateway, HOST:PORT")
      ->envname("PERENNIAL_GATEWAY")
      ->capture_default_str()
      ->check([](const std::string& text) { return std::string(text.empty() ? "must not be empty" : ""); }, "");
  app->add_option_function<std::string>(
         "--timeout", [&options](const std::string& text) { options.timeout = ParseTimeout(text); },
         "Longest wait for each answer, for example 30s (default 10s)")
      ->type_name("DURATION");
  app->add_flag("--json", options.json, "Print one JSON answer instead of a view; watch prints one object a line");
  app->add_flag("--no-color", options.no_color, "No colours (also: set NO_COLOR); there are none outside a terminal");
  app->footer(kExitCodesHelp);
  return app;
}

CLI::App* AddCommand(CLI::App& app, const std::string& name, const std::string& description,
                     const std::string& details) {
  CLI::App* command = app.add_subcommand(name, description);
  command->fallthrough();
  command->footer(absl::StrCat(details, details.empty() ? "" : "\n\n", kGlobalOptionsHelp, "\n\n", kExitCodesHelp));
  return command;
}

std::string SegmentName(const std::string& text) {
  return text.empty() || text.rfind("segments/", 0) == 0 ? text : absl::StrCat("segments/", text);
}

void AddViewCommands(CLI::App& app, GlobalOptions& options) {
  AddReportCommand(app, options);
  AddRetentionCommand(app, options);
  AddEquityCommand(app, options);
  AddAccountCommand(app, options);
  AddWatchCommand(app, options);
  AddSegmentsCommand(app, options);
  AddFlagsCommand(app, options);
  AddFactsCommand(app, options);
  AddRatesCommand(app, options);
  AddPhaseCommand(app, options);
  AddBacktestCommand(app, options);
  AddValueCommand(app, options);
  AddModelsCommand(app, options);
  AddFitCommand(app, options);
  AddValidateCommand(app, options);
  AddReadyCommand(app, options);
}

int Run(CLI::App& app, GlobalOptions& options, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    // Help and the version come this way too, with exit code 0.
    return app.exit(error, *options.out, *options.err) == 0 ? kExitSuccess : kExitUsage;
  }
  options.out->flush();
  if (!options.out->good()) {
    *options.err << "perennial: cannot write to standard output\n";
    return kExitFailure;
  }
  return options.exit_code;
}

}  // namespace perennial::cli
