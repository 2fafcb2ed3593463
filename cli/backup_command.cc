#include "cli/backup_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/backup_run.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/restore_run.h"
#include "common/storage/postgres_sql.h"

namespace perennial::cli {
namespace {

std::string TextOf(const BackupManifest& manifest) {
  std::string text;
  for (const BackupFile& file : manifest.files) {
    absl::StrAppendFormat(&text, "  %-14s %12.1f MiB  %s\n", file.file, static_cast<double>(file.size) / (1 << 20),
                          file.sha256.substr(0, 16));
  }
  return text;
}

// Paints a bar over itself while a backup comes; nothing where there is no terminal.
BackupProgress ProgressOf(const GlobalOptions& options, bool& painted) {
  if (options.json || options.err != &std::cerr || isatty(STDERR_FILENO) == 0) {
    return [](const std::string&, std::int64_t, std::int64_t) {};
  }
  return [&options, &painted, last = absl::InfinitePast()](const std::string& file, std::int64_t done,
                                                           std::int64_t size) mutable {
    const absl::Time now = absl::Now();
    if (now - last < absl::Milliseconds(100) && done < size) return;
    last = now;
    painted = true;
    const double share = size > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(size), 0.0, 1.0) : 0;
    const auto filled = static_cast<std::size_t>(share * 30);
    *options.err << absl::StrFormat("\r[%s%s] %3d%%  %8.1f MiB  %-16s", std::string(filled, '='),
                                    std::string(30 - filled, ' '), static_cast<int>(share * 100),
                                    static_cast<double>(done) / (1 << 20), file)
                 << std::flush;
  };
}

int RunBackup(const GlobalOptions& options, const std::string& folder, const std::string& version) {
  const Client client(options);
  bool painted = false;
  const auto manifest = Backup(client.channel(), folder, absl::Now(), version, ProgressOf(options, painted));
  if (painted) *options.err << "\r" << std::string(76, ' ') << "\r" << std::flush;
  if (!manifest.ok()) return Fail(options, manifest.status());
  if (options.json) {
    *options.out << ToJson(*manifest);
  } else {
    *options.out << "Backed up to " << folder << "\n" << TextOf(*manifest);
  }
  return kExitSuccess;
}

int RunRestore(const GlobalOptions& options, RestoreOptions restore) {
  if (!restore.database.empty()) {
    auto connection = postgres::ConnectionString(restore.database);
    if (!connection.ok()) return Fail(options, connection.status());
    restore.database = *std::move(connection);
  }
  const auto manifest = Restore(restore);
  if (!manifest.ok()) return Fail(options, manifest.status());
  if (options.json) {
    *options.out << ToJson(*manifest);
  } else {
    *options.out << "Restored the backup of "
                 << absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", manifest->time, absl::UTCTimeZone()) << " to "
                 << restore.data << "\n"
                 << TextOf(*manifest) << "Start the services again.\n";
  }
  return kExitSuccess;
}

}  // namespace

void AddBackupCommand(CLI::App& app, GlobalOptions& options, const std::string& version) {
  CLI::App* command = AddCommand(app, "backup", "Back up all services while they run",
                                 "The folder appears when the backup is complete and every file of it was checked. "
                                 "docs/operations.md says more.");
  const auto folder = std::make_shared<std::string>();
  command->add_option("--out", *folder, "New folder for the backup")->required()->type_name("DIR");
  command->callback([&options, folder, version] { options.exit_code = RunBackup(options, *folder, version); });
}

void AddRestoreCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "restore", "Bring a backup back while the services are stopped",
                                 "Checks every file before anything is touched. docs/operations.md says more.");
  const auto restore = std::make_shared<RestoreOptions>();
  command->add_option("--from", restore->from, "Folder of the backup")->required()->type_name("DIR");
  command->add_option("--data", restore->data, "Folder that has the services' folders: accounts, health, segments")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--database", restore->database,
                   "An empty PostgreSQL database for accounts-svc, as in its flag of that name")
      ->type_name("CONNECTION");
  command->add_flag("--force", restore->force, "Replace data that is there");
  command->callback([&options, restore] { options.exit_code = RunRestore(options, *restore); });
}

}  // namespace perennial::cli
