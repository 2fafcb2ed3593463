#include "cli/export_command.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/export_run.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"

namespace perennial::cli {
namespace {

struct ExportFlags {
  std::string folder;
  std::string account;
};

Json JsonOf(const ExportOptions& options, const ExportSummary& summary) {
  Json json = Json::object();
  json["folder"] = options.folder;
  json["parent"] = options.parent;
  json["accounts"] = summary.accounts;
  json["accounts_without_parent"] = summary.without_parent;
  json["files"] = Json::array();
  for (const ExportSummary::File& file : summary.files) {
    json["files"].push_back({{"file", file.name}, {"rows", file.rows}});
  }
  json["seconds"] = absl::ToDoubleSeconds(summary.took);
  return json;
}

std::string TextOf(const ExportOptions& options, const ExportSummary& summary) {
  std::string text = absl::StrFormat("Exported %s to %s in %.1f s\n", CountOf(summary.accounts, "account"),
                                     options.folder, absl::ToDoubleSeconds(summary.took));
  for (const ExportSummary::File& file : summary.files) {
    absl::StrAppendFormat(&text, "  %-18s  %14s\n", file.name, CountOf(file.rows, "row"));
  }
  if (summary.without_parent > 0) {
    absl::StrAppend(&text, "The parents of ", CountOf(summary.without_parent, "account"),
                    " are deleted and were left out.\n");
  }
  return text;
}

int RunExport(const ExportFlags& flags, const GlobalOptions& global) {
  ExportOptions options;
  options.folder = flags.folder;
  if (!flags.account.empty()) {
    options.parent =
        absl::StartsWith(flags.account, "accounts/") ? flags.account : absl::StrCat("accounts/", flags.account);
  }
  const Client client(global);
  const auto stub = accounts::v1::RecordService::NewStub(client.channel());
  Progress progress(*global.err, ProgressFor(*global.err, global.json), absl::Now());
  ExportRun run(*stub, options, progress);
  const Interrupt on_interrupt([&run] { run.Cancel(); });
  const absl::StatusOr<ExportSummary> summary = run.Run();
  if (!summary.ok()) {
    return Fail(global, run.server_status().ok() ? summary.status() : client.Explain(run.server_status(), "export"));
  }
  if (global.json) {
    PrintJson(global, JsonOf(options, *summary));
  } else {
    *global.out << TextOf(options, *summary);
  }
  return kExitSuccess;
}

}  // namespace

void AddExportCommand(CLI::App& app, GlobalOptions& global) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command =
      AddCommand(app, "export", "Write everything that is kept to a folder of CSV files",
                 "The files are what import reads (docs/import.md). The folder appears when all of them "
                 "are whole.");
  command->add_option("-o,--out", flags->folder, "Folder for the files; not there yet, or empty")
      ->required()
      ->type_name("DIR");
  command->add_option("account", flags->account, "Only this account (its id)")->type_name("ACCOUNT");
  command->callback([flags, &global] { global.exit_code = RunExport(*flags, global); });
}

}  // namespace perennial::cli
