#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/list_pages.h"
#include "cli/moment.h"
#include "cli/value_view.h"
#include "common/base/time_util.h"
#include "perennial/health/v1/value_service.grpc.pb.h"

namespace perennial::cli {
namespace {

namespace v1 = perennial::health::v1;

// A fit reads the history of all accounts.
constexpr absl::Duration kUsualTimeout = absl::Seconds(10);
constexpr absl::Duration kLongTimeout = absl::Minutes(15);

// What all fits are told.
struct FitOptions {
  std::string id;
  std::string filter;
  std::string author;
  std::string note;
  bool dry_run = false;
  std::vector<absl::Time> times = {};  // --as-of, or one of --end
  // Of single kinds.
  std::string family;
  std::string metric;
  std::vector<std::string> facts = {};
  int period_months = 1;
  int unit_days = 7;
  int horizon_days = 365;
  double ridge = 0;
};

template <class Request>
void SetCommon(const FitOptions& asked, Request& request) {
  request.set_value_model_id(asked.id);
  request.set_filter(asked.filter);
  request.set_author(asked.author);
  request.set_note(asked.note);
  request.set_validate_only(asked.dry_run);
}

template <class Request, class Response>
int Fit(const GlobalOptions& options,
        grpc::Status (v1::ValueService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
        const Request& request) {
  GlobalOptions patient = options;
  if (options.timeout == kUsualTimeout) patient.timeout = kLongTimeout;
  const Client client(patient);
  const auto stub = v1::ValueService::NewStub(client.channel());
  const auto answer = client.Call(stub, method, request, "fit the model");
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderModel(answer->value_model(), width); });
}

int FitRetention(const GlobalOptions& options, const FitOptions& asked) {
  v1::FitRetentionModelRequest request;
  SetCommon(asked, request);
  request.set_period_months(asked.period_months);
  if (asked.family == "sbg") request.set_family(v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC);
  if (asked.family == "bdw") request.set_family(v1::RETENTION_FAMILY_BETA_DISCRETE_WEIBULL);
  if (!asked.times.empty()) SetTimestamp(asked.times.front(), request.mutable_end_time());
  return Fit(options, &v1::ValueService::Stub::FitRetentionModel, request);
}

int FitPurchase(const GlobalOptions& options, const FitOptions& asked) {
  v1::FitPurchaseModelRequest request;
  SetCommon(asked, request);
  request.set_metric(asked.metric);
  request.set_unit_days(asked.unit_days);
  if (asked.family == "pareto-nbd") request.set_family(v1::PURCHASE_FAMILY_PARETO_NBD);
  if (!asked.times.empty()) SetTimestamp(asked.times.front(), request.mutable_end_time());
  return Fit(options, &v1::ValueService::Stub::FitPurchaseModel, request);
}

int FitChurn(const GlobalOptions& options, FitOptions asked) {
  v1::FitChurnModelRequest request;
  SetCommon(asked, request);
  request.set_horizon_days(asked.horizon_days);
  request.set_ridge(asked.ridge);
  std::sort(asked.times.begin(), asked.times.end());
  for (const absl::Time time : asked.times) SetTimestamp(time, request.add_as_of());
  for (const std::string& fact : asked.facts) request.add_facts(fact);
  return Fit(options, &v1::ValueService::Stub::FitChurnModel, request);
}

std::shared_ptr<FitOptions> AddKind(CLI::App& fit, const char* kind, const char* description,
                                    std::function<void(const FitOptions&)> run) {
  const auto asked = std::make_shared<FitOptions>();
  asked->id = kind;
  const char* user = std::getenv("USER");
  asked->author = user == nullptr || *user == '\0' ? "perennial" : user;
  CLI::App* command = AddCommand(fit, kind, description);
  command->add_option("model", asked->id, "Id of the model; fitting it again makes another revision")
      ->type_name("ID")
      ->capture_default_str();
  command->add_option("--filter", asked->filter, "Accounts to fit on; the model is then used for these")
      ->type_name("FILTER");
  command->add_option("--author", asked->author, "Who fits it")->type_name("NAME")->capture_default_str();
  command->add_option("--note", asked->note, "Why")->type_name("TEXT");
  command->add_flag("--dry-run", asked->dry_run, "Fit and show it, but keep nothing");
  command->callback([asked, run = std::move(run)] { run(*asked); });
  return asked;
}

void AddTimes(CLI::App& command, const char* name, const char* help, const std::shared_ptr<FitOptions>& asked,
              bool required) {
  auto* option = command.add_option_function<std::vector<std::string>>(
      name,
      [asked, name](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) asked->times.push_back(ParseMoment(name, text));
      },
      help);
  option->delimiter(',')->type_name("TIME");
  if (required) option->required();
}

}  // namespace

void AddFitCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* fit =
      AddCommand(app, "fit", "Fit a model of what customers are worth",
                 "Reads the history of all accounts, which takes minutes on large portfolios: without --timeout "
                 "it waits 15 minutes.");
  fit->require_subcommand(1);
  const auto retention =
      AddKind(*fit, "retention", "How long customers with a subscription stay",
              [&options](const FitOptions& asked) { options.exit_code = FitRetention(options, asked); });
  CLI::App* command = fit->get_subcommand("retention");
  command->add_option("--family", retention->family, "sbg or bdw; without it both, and the better is taken")
      ->check(CLI::IsMember({"sbg", "bdw"}));
  command->add_option("--period", retention->period_months, "Months between two decisions to stay")
      ->type_name("MONTHS")
      ->check(CLI::Range(1, 12))
      ->capture_default_str();
  AddTimes(*command, "--end", "Only what was known then: RFC 3339, or a day (its end, UTC)", retention, false);

  const auto purchase =
      AddKind(*fit, "purchase", "How customers without contract buy",
              [&options](const FitOptions& asked) { options.exit_code = FitPurchase(options, asked); });
  command = fit->get_subcommand("purchase");
  command->add_option("--metric", purchase->metric, "Usage metric that purchases are recorded as")
      ->required()
      ->type_name("METRIC");
  command->add_option("--family", purchase->family, "bg-nbd or pareto-nbd")
      ->check(CLI::IsMember({"bg-nbd", "pareto-nbd"}));
  command->add_option("--unit", purchase->unit_days, "Days of a unit of time")
      ->type_name("DAYS")
      ->check(CLI::Range(1, 365))
      ->capture_default_str();
  AddTimes(*command, "--end", "Only purchases up to then: RFC 3339, or a day (its end, UTC)", purchase, false);

  const auto churn = AddKind(*fit, "churn", "How likely each customer is to churn, from its facts",
                             [&options](const FitOptions& asked) { options.exit_code = FitChurn(options, asked); });
  command = fit->get_subcommand("churn");
  AddTimes(*command, "--as-of", "Dates whose facts it learns from, up to 24: RFC 3339, or a day (its end, UTC)", churn,
           true);
  command->add_option("--horizon", churn->horizon_days, "Days after each date within which churn counts")
      ->type_name("DAYS")
      ->check(CLI::Range(30, 730))
      ->capture_default_str();
  command->add_option("--facts", churn->facts, "Facts to look at, or prefixes with *; all that do not tell the outcome")
      ->delimiter(',')
      ->type_name("FACT");
  command->add_option("--ridge", churn->ridge, "Weight of the squared coefficients; 0 means 1")
      ->type_name("NUMBER")
      ->check(CLI::Range(0.0, 1e6));
}

}  // namespace perennial::cli
