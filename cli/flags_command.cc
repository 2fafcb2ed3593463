#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "cli/account_names.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/list_pages.h"
#include "cli/list_views.h"

namespace perennial::cli {
namespace {

using perennial::health::v1::FlagService;
using perennial::health::v1::ListFlagsRequest;

struct FlagsOptions {
  std::vector<std::string> rules;
  std::string filter;
  bool cleared = false;
  int limit = 50;
};

int RunFlags(const GlobalOptions& options, const FlagsOptions& asked) {
  const Client client(options);
  ListFlagsRequest request;
  request.set_parent("accounts/-");
  request.set_filter(asked.filter);
  request.set_show_cleared(asked.cleared);
  for (const std::string& rule : asked.rules) request.add_rules(rule);
  const auto answer = ListPages(client, client.flags, &FlagService::Stub::ListFlags, request, asked.limit,
                                "list the flags", [](auto& response) { return response.mutable_flags(); });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) {
    AccountNames names(client);
    std::vector<std::string> accounts;
    for (const auto& flag : answer->flags()) accounts.push_back(flag.name().substr(0, flag.name().find("/flags/")));
    names.Load(accounts);
    return RenderFlags(
        *answer, [&](const std::string& account) { return names.Of(account); }, width);
  });
}

}  // namespace

void AddFlagsCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "flags", "Raised flags of all accounts, the most severe first");
  const auto asked = std::make_shared<FlagsOptions>();
  command->add_option("-r,--rule", asked->rules, "Only flags of this rule; may be given several times")
      ->type_name("ID");
  command->add_option("-f,--filter", asked->filter, "Only accounts that this filter selects (docs/filter.md)")
      ->type_name("FILTER");
  command->add_flag("--cleared", asked->cleared, "Also flags that have cleared");
  AddLimit(*command, asked->limit);
  command->callback([&options, asked] { options.exit_code = RunFlags(options, *asked); });
}

}  // namespace perennial::cli
