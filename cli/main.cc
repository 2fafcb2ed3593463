// perennial: looks at a portfolio, loads one, makes one up. See docs/cli.md.
#include <exception>
#include <iostream>

#include "cli/app.h"
#include "cli/backup_command.h"
#include "cli/export_command.h"
#include "cli/generate_command.h"
#include "cli/global_options.h"
#include "cli/import_command.h"

int main(int argc, char** argv) {
  try {
    perennial::cli::GlobalOptions options;
    const auto app = perennial::cli::MakeApp(options, PERENNIAL_VERSION);
    perennial::cli::AddViewCommands(*app, options);
    perennial::cli::AddImportCommand(*app, options);
    perennial::cli::AddExportCommand(*app, options);
    perennial::cli::AddGenerateCommand(*app, options);
    perennial::cli::AddBackupCommand(*app, options, PERENNIAL_VERSION);
    perennial::cli::AddRestoreCommand(*app, options);
    return perennial::cli::Run(*app, options, {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "perennial: " << error.what() << "\n";
    return perennial::cli::kExitFailure;
  }
}
