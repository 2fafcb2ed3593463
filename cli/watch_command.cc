#include <CLI/CLI.hpp>
#include <memory>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/watch_session.h"

namespace perennial::cli {
namespace {

int RunWatch(const GlobalOptions& options, const std::string& segment) {
  const Client client(options);
  WatchSession session(options, client, SegmentName(segment));
  const Interrupt interrupt([&session] { session.Stop(); });
  const absl::Status status = session.Run();
  return status.ok() ? kExitSuccess : Fail(options, status);
}

}  // namespace

void AddWatchCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(
      app, "watch", "Changes as they happen, until Ctrl-C",
      "Scores and bands, flags raised and cleared, segments entered and left. Begins with what comes next, resumes by\n"
      "itself after an interruption, ends with Ctrl-C (exit code 0). With --json one object a line; notes go to\n"
      "standard error.");
  const auto segment = std::make_shared<std::string>();
  command->add_option("-s,--segment", *segment, "Only the members of this segment, and who enters and leaves it")
      ->type_name("ID");
  command->callback([&options, segment] { options.exit_code = RunWatch(options, *segment); });
}

}  // namespace perennial::cli
