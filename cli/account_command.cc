#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/account_view.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/name_lookup.h"
#include "cli/terminal.h"

namespace perennial::cli {
namespace {

using perennial::gateway::v1::CustomerService;
using perennial::gateway::v1::GetCustomer360Request;
using perennial::gateway::v1::GetCustomer360Response;
using perennial::health::v1::HealthScoreService;

// As much of the past as one page of history has.
constexpr int kHistory = 1000;

absl::StatusOr<AccountData> Read(const Client& client, const std::string& text) {
  auto customer = ReadAccount(client, text, [&client](const std::string& name) {
    GetCustomer360Request request;
    request.set_name(name);
    return client.Call(client.customers, &CustomerService::Stub::GetCustomer360, request, "read the account");
  });
  if (!customer.ok()) return customer.status();
  AccountData data;
  data.customer = *std::move(customer);
  perennial::health::v1::ListHealthScoreHistoryRequest request;
  request.set_parent(data.customer.account().name());
  request.set_page_size(kHistory);
  const auto history =
      client.Call(client.scores, &HealthScoreService::Stub::ListHealthScoreHistory, request, "read the score history");
  if (history.ok()) {
    data.history.assign(history->changes().begin(), history->changes().end());
  } else {
    data.notes.emplace_back(history.status().message());
  }
  // A deleted account has no place in a hierarchy, and gateways of former versions tell none.
  perennial::accounts::v1::GetAccountHierarchyRequest place;
  place.set_name(data.customer.account().name());
  auto hierarchy = client.Call(client.accounts, &perennial::accounts::v1::AccountService::Stub::GetAccountHierarchy,
                               place, "read the accounts below it");
  if (hierarchy.ok()) {
    data.hierarchy = *std::move(hierarchy);
  } else if (!absl::IsNotFound(hierarchy.status()) && !absl::IsUnimplemented(hierarchy.status())) {
    data.notes.emplace_back(hierarchy.status().message());
  }
  return data;
}

Json AccountJson(AccountData data) {
  // Details of a kind that this program doesn't know can't be written as JSON; code and message can.
  for (auto& missing : *data.customer.mutable_missing_parts()) missing.mutable_status()->clear_details();
  Json json = JsonOf(data.customer);
  json["score_history"] = Json::array();
  for (const auto& change : data.history) json["score_history"].push_back(JsonOf(change));
  if (data.hierarchy.nodes_size() > 0) json["hierarchy"] = JsonOf(data.hierarchy);
  json["notes"] = data.notes;
  return json;
}

int RunAccount(const GlobalOptions& options, const std::string& text) {
  const Client client(options);
  const absl::StatusOr<AccountData> data = Read(client, text);
  if (!data.ok()) return Fail(options, data.status());
  if (options.json) {
    PrintJson(options, AccountJson(*data));
    return kExitSuccess;
  }
  const Terminal terminal = DetectTerminal(options);
  *options.out << Render(RenderAccount(*data, terminal.width), terminal.colour);
  return kExitSuccess;
}

}  // namespace

void AddAccountCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(
      app, "account", "One account: its score and why, history, flags, segments, facts",
      "The score with every measure's value, points, weight and contribution, exceptions, history, raised flags with\n"
      "advice, open tasks, goals, segments, subscriptions, contacts, the facts that tell most and what happened lately.\n"
      "Parts that could not be read are marked.");
  const auto name = std::make_shared<std::string>();
  command->add_option("name", *name, "Id, accounts/ID, or the name people use (in quotes)")
      ->required()
      ->type_name("NAME");
  command->callback([&options, name] { options.exit_code = RunAccount(options, *name); });
}

}  // namespace perennial::cli
