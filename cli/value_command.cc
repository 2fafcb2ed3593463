#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/list_pages.h"
#include "cli/name_lookup.h"
#include "cli/value_view.h"
#include "perennial/health/v1/value_service.grpc.pb.h"

namespace perennial::cli {
namespace {

using perennial::health::v1::ValueService;

std::string Named(absl::string_view collection, const std::string& text) {
  return text.rfind(std::string(collection), 0) == 0 ? text : absl::StrCat(collection, text);
}

int RunValue(const GlobalOptions& options, const std::string& account) {
  const Client client(options);
  const auto stub = ValueService::NewStub(client.channel());
  const auto answer = ReadAccount(client, account, [&](const std::string& name) {
    perennial::health::v1::GetValueRequest request;
    request.set_name(absl::StrCat(name, "/value"));
    return client.Call(stub, &ValueService::Stub::GetValue, request, "read the value");
  });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderValue(answer->value(), width); });
}

struct ModelsOptions {
  std::string model;
  std::int64_t revision = 0;
  bool history = false;
  bool remove = false;
};

int RunModels(const GlobalOptions& options, const ModelsOptions& asked) {
  const Client client(options);
  const auto stub = ValueService::NewStub(client.channel());
  const std::string name = asked.model.empty() ? "" : Named("valueModels/", asked.model);
  if (asked.remove) {
    perennial::health::v1::DeleteValueModelRequest request;
    request.set_name(name);
    const auto answer = client.Call(stub, &ValueService::Stub::DeleteValueModel, request, "take the model out of use");
    if (!answer.ok()) return Fail(options, answer.status());
    return Show(options, *answer, [&](int) { return Page{absl::StrCat(name, " is out of use.")}; });
  }
  if (!name.empty() && !asked.history) {
    perennial::health::v1::GetValueModelRequest request;
    request.set_name(name);
    request.set_revision(asked.revision);
    const auto answer = client.Call(stub, &ValueService::Stub::GetValueModel, request, "read the model");
    if (!answer.ok()) return Fail(options, answer.status());
    return Show(options, *answer, [&](int width) { return RenderModel(answer->value_model(), width); });
  }
  perennial::health::v1::ListValueModelsRequest request;
  request.set_name(name);
  const auto answer = ListPages(client, stub, &ValueService::Stub::ListValueModels, request, 0, "list the models",
                                [](auto& response) { return response.mutable_value_models(); });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderModels(*answer, width); });
}

}  // namespace

void AddValueCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "value", "What a customer is worth, and what that rests on",
                                 "Lifetime value is margin times the discounted time that it is expected to stay.");
  const auto account = std::make_shared<std::string>();
  command->add_option("name", *account, "Id, accounts/ID, or the name people use (in quotes)")
      ->required()
      ->type_name("NAME");
  command->callback([&options, account] { options.exit_code = RunValue(options, *account); });
}

void AddModelsCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(app, "models", "Models of what customers are worth",
                                 "Without an id all that are in use; with one its newest revision in full.");
  const auto asked = std::make_shared<ModelsOptions>();
  command->add_option("model", asked->model, "Id of a model")->type_name("ID");
  command->add_option("--revision", asked->revision, "Revision of it; 0 is the newest")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--history", asked->history, "List its revisions, newest first");
  command->add_flag("--delete", asked->remove, "Take it out of use; its revisions can still be read");
  command->callback([&options, asked] {
    if (asked->model.empty() && (asked->history || asked->remove || asked->revision > 0)) {
      throw CLI::RequiredError("model");
    }
    options.exit_code = RunModels(options, *asked);
  });
}

}  // namespace perennial::cli
