#include <CLI/CLI.hpp>
#include <memory>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/list_pages.h"
#include "cli/list_views.h"
#include "cli/moment.h"
#include "cli/name_lookup.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using perennial::accounts::v1::FactService;
using perennial::accounts::v1::GetFactsRequest;
using perennial::accounts::v1::ListFactDefinitionsResponse;

struct FactsOptions {
  std::string name;
  std::optional<absl::Time> as_of;
};

int RunFacts(const GlobalOptions& options, const FactsOptions& asked) {
  const Client client(options);
  const auto answer = ReadAccount(client, asked.name, [&](const std::string& name) {
    GetFactsRequest request;
    request.set_name(name);
    if (asked.as_of.has_value()) SetTimestamp(*asked.as_of, request.mutable_as_of());
    return client.Call(client.facts, &FactService::Stub::GetFacts, request, "read the facts");
  });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) {
    // Units are decoration: without the catalogue the facts still show.
    const auto catalogue =
        client.Call(client.facts, &FactService::Stub::ListFactDefinitions,
                    perennial::accounts::v1::ListFactDefinitionsRequest(), "read the catalogue of facts");
    return RenderFacts(*answer, catalogue.ok() ? *catalogue : ListFactDefinitionsResponse(), width);
  });
}

int RunValidate(const GlobalOptions& options, const std::string& filter) {
  const Client client(options);
  perennial::accounts::v1::ValidateFilterRequest request;
  request.set_filter(filter);
  const auto answer = client.Call(client.facts, &FactService::Stub::ValidateFilter, request, "check the filter");
  if (!answer.ok()) return Fail(options, answer.status());
  Show(options, *answer, [&](int width) { return RenderValidation(*answer, width); });
  return answer->valid() ? kExitSuccess : kExitFailure;
}

}  // namespace

void AddFactsCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "facts", "What is known about one account, now or at a past moment");
  const auto asked = std::make_shared<FactsOptions>();
  command->add_option("name", asked->name, "Id, accounts/ID, or the name people use (in quotes)")
      ->required()
      ->type_name("NAME");
  command
      ->add_option_function<std::string>(
          "--as-of", [asked](const std::string& text) { asked->as_of = ParseMoment("--as-of", text); },
          "As known at that moment: RFC 3339, or a day (its end, UTC)")
      ->type_name("TIME");
  command->callback([&options, asked] { options.exit_code = RunFacts(options, *asked); });
}

void AddValidateCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "validate", "Check a filter and show how it is read",
                                 "Exit code 1 when the filter can't be used.");
  ;
  const auto filter = std::make_shared<std::string>();
  command->add_option("filter", *filter, "Filter over facts, in quotes (docs/filter.md)")
      ->required()
      ->type_name("FILTER");
  command->callback([&options, filter] { options.exit_code = RunValidate(options, *filter); });
}

}  // namespace perennial::cli
