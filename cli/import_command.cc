#include "cli/import_command.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/import_run.h"
#include "cli/import_summary.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/mapping_parser.h"
#include "cli/mapping_shipped.h"

namespace perennial::cli {
namespace {

struct ImportFlags {
  ImportOptions import;
  std::string mapping = "canonical";
  std::string rejects;
};

std::string ShippedNames() {
  return absl::StrJoin(ShippedMappings(), ", ",
                       [](std::string* out, const ShippedMapping& mapping) { out->append(mapping.name); });
}

// "ravenstack-rejects.csv" for data/ravenstack/.
std::string DefaultRejectsFile(absl::string_view folder) {
  while (absl::ConsumeSuffix(&folder, "/")) {
  }
  folder.remove_prefix(folder.rfind('/') == absl::string_view::npos ? 0 : folder.rfind('/') + 1);
  const bool nameless = folder.empty() || folder == "." || folder == "..";
  return nameless ? "import-rejects.csv" : absl::StrCat(folder, "-rejects.csv");
}

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& gateway) {
  grpc::ChannelArguments arguments;
  // A restarting server is back within seconds; the default would wait up to two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  return grpc::CreateCustomChannel(AddressOf(gateway), grpc::InsecureChannelCredentials(), arguments);
}

int ExitCodeOf(const ImportSummary& summary) {
  if (!summary.status.ok()) return kExitFailure;
  return summary.Total().refused_rows > 0 ? kExitRefusedRows : kExitSuccess;
}

int RunImport(const ImportFlags& flags, const GlobalOptions& global) {
  absl::StatusOr<Mapping> mapping = LoadMapping(flags.mapping);
  if (!mapping.ok()) return Fail(global, mapping.status());
  RejectsFile rejects(flags.rejects.empty() ? DefaultRejectsFile(flags.import.folder) : flags.rejects);
  if (!flags.rejects.empty()) {
    if (const absl::Status created = rejects.Create(); !created.ok()) return Fail(global, created);
  }
  std::atomic<bool> interrupted{false};
  const Interrupt on_interrupt([&interrupted] { interrupted = true; });
  Progress progress(*global.err, ProgressFor(*global.err, global.json), absl::Now());
  ImportRun run(*std::move(mapping), flags.import, ChannelTo(global.gateway), progress, rejects,
                [&interrupted] { return interrupted.load(); });
  const ImportSummary summary = run.Run();
  if (global.json) {
    PrintJson(global, JsonOfSummary(summary));
  } else if (summary.Total().rows > 0 || summary.status.ok()) {
    *global.out << FormatSummary(summary);
  }
  if (!summary.status.ok()) {
    const char* advice = absl::IsUnavailable(summary.status) ? "; is the gateway running? Then import again" : "";
    Fail(global, absl::Status(summary.status.code(), absl::StrCat("import: ", summary.status.message(), advice)));
  }
  return ExitCodeOf(summary);
}

}  // namespace

void AddImportCommand(CLI::App& app, GlobalOptions& global) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = AddCommand(app, "import", "Load a folder of files; a second time changes nothing");
  command->add_option("folder", flags->import.folder, "Folder with the files")->required()->type_name("DIR");
  command
      ->add_option("-m,--mapping", flags->mapping,
                   absl::StrCat("What the files mean: ", ShippedNames(), ", or a file of your own with its path"))
      ->type_name("NAME|FILE")
      ->capture_default_str();
  command
      ->add_option("--rejects", flags->rejects,
                   "Where refused rows go (default: ./<folder>-rejects.csv, if there are any)")
      ->type_name("FILE");
  command->add_option("--file", flags->import.only_files, "Only this file of the mapping; may be given several times")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", flags->import.dry_run, "Read and check everything, send nothing");
  command->callback([flags, &global] { global.exit_code = RunImport(*flags, global); });
}

}  // namespace perennial::cli
