#include <CLI/CLI.hpp>
#include <latch>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/flag_rules.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/report_view.h"
#include "cli/terminal.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

using perennial::health::v1::ExplainHealthScoreRequest;
using perennial::health::v1::ExplainHealthScoreResponse;
using perennial::segments::v1::GetPortfolioReportRequest;
using perennial::segments::v1::PortfolioService;

using perennial::segments::v1::ReportAudience;

const std::map<std::string, ReportAudience> kAudiences = {
    {"success", perennial::segments::v1::REPORT_AUDIENCE_SUCCESS}, {"product", perennial::segments::v1::REPORT_AUDIENCE_PRODUCT},
    {"sales", perennial::segments::v1::REPORT_AUDIENCE_SALES},     {"support", perennial::segments::v1::REPORT_AUDIENCE_SUPPORT},
    {"finance", perennial::segments::v1::REPORT_AUDIENCE_FINANCE}};

struct ReportOptions {
  ReportAudience audience = perennial::segments::v1::REPORT_AUDIENCE_SUCCESS;
  std::string segment;
  std::string cost;
  std::string currency = "USD";
  bool definitions = false;
  int list = 5;
  std::int64_t min_revision = 0;
};

struct Explaining {
  grpc::ClientContext context;
  ExplainHealthScoreRequest request;
  ExplainHealthScoreResponse response;
  grpc::Status status;
};

// Asks for the explanations of the worst accounts, all at once; what can't be read becomes a note.
void ReadExplanations(const Client& client, ReportData* data) {
  const auto& worst = data->report.worst_accounts();
  std::vector<Explaining> calls(static_cast<std::size_t>(worst.size()));
  const auto done = std::make_shared<std::latch>(worst.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    Explaining& call = calls[i];
    client.SetDeadline(&call.context);
    call.request.set_name(worst[static_cast<int>(i)].account());
    client.scores->async()->ExplainHealthScore(&call.context, &call.request, &call.response,
                                               [&call, done](const grpc::Status& status) {
                                                 call.status = status;
                                                 done->count_down();
                                               });
  }
  done->wait();
  int failed = 0;
  absl::Status first_error;
  for (Explaining& call : calls) {
    if (call.status.ok()) {
      data->explanations[call.request.name()] = std::move(*call.response.mutable_explanation());
    } else if (failed++ == 0) {
      first_error = client.Explain(call.status, "read the reasons");
    }
  }
  if (failed > 0)
    data->notes.push_back(
        absl::StrCat("reasons of ", CountOf(failed, "account"), " are missing: ", std::string(first_error.message())));
}

absl::StatusOr<ReportData> ReadReport(const Client& client, const ReportOptions& asked) {
  GetPortfolioReportRequest request;
  request.set_audience(asked.audience);
  request.set_segment(SegmentName(asked.segment));
  request.set_list_size(asked.list);
  request.set_min_facts_revision(asked.min_revision);
  if (!asked.cost.empty()) {
    request.mutable_success_cost_365d()->set_amount(asked.cost);
    request.mutable_success_cost_365d()->set_currency_code(asked.currency);
  }
  ReportData data;
  data.definitions = asked.definitions;
  PERENNIAL_ASSIGN_OR_RETURN(data.report, client.Call(client.portfolio, &PortfolioService::Stub::GetPortfolioReport,
                                                      request, "read the portfolio report"));
  ReadExplanations(client, &data);
  auto rules = ReadFlagRules(client);
  if (rules.ok()) {
    data.rules = *std::move(rules);
  } else {
    data.notes.push_back(absl::StrCat("flags show as ids: ", std::string(rules.status().message())));
  }
  return data;
}

Json ReportJson(const ReportData& data) {
  Json json = JsonOf(data.report);
  json["worst_account_explanations"] = Json::array();
  for (const auto& account : data.report.worst_accounts()) {
    const auto found = data.explanations.find(account.account());
    if (found != data.explanations.end()) json["worst_account_explanations"].push_back(JsonOf(found->second));
  }
  json["flag_rules"] = Json::array();
  for (const auto& [id, rule] : data.rules) json["flag_rules"].push_back(JsonOf(rule));
  json["notes"] = data.notes;
  return json;
}

int RunReport(const GlobalOptions& options, const ReportOptions& asked) {
  const Client client(options);
  const absl::StatusOr<ReportData> data = ReadReport(client, asked);
  if (!data.ok()) return Fail(options, data.status());
  if (options.json) {
    PrintJson(options, ReportJson(*data));
    return kExitSuccess;
  }
  const Terminal terminal = DetectTerminal(options);
  *options.out << Render(RenderReport(*data, terminal.width), terminal.colour);
  return kExitSuccess;
}

}  // namespace

void AddReportCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(
      app, "report", "The portfolio at a glance: money, health, who needs attention and why",
      "Shows money, the health mix, lifecycle phases, flags, the accounts that need attention with what costs their\n"
      "scores most, the next renewals, revenue retention over 30, 90 and 365 days, and segments. \"–\" is unknown.\n"
      "Other audiences than success see figures, tables and lists of their own; --definitions says how each is computed.");
  const auto asked = std::make_shared<ReportOptions>();
  command
      ->add_option_function<std::string>(
          "-a,--audience", [asked](const std::string& name) { asked->audience = kAudiences.at(name); },
          "For whom: success (default), product, sales, support, finance")
      ->type_name("AUDIENCE")
      ->check(CLI::IsMember(kAudiences));
  command->add_option("--success-cost", asked->cost, "For finance: what success cost over the last 365 days")->type_name("AMOUNT");
  command->add_option("--currency", asked->currency, "Reporting currency, for --success-cost")->capture_default_str();
  command->add_flag("--definitions", asked->definitions, "Say how each figure, table and list is computed");
  command->add_option("-s,--segment", asked->segment, "Only the members of this segment, for example at-risk")
      ->type_name("ID");
  command->add_option("-n,--list", asked->list, "How many accounts each list names, 1 to 100")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command
      ->add_option("--min-revision", asked->min_revision,
                   "Wait until facts up to this revision are in, for example the last one of an import")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command->callback([&options, asked] { options.exit_code = RunReport(options, *asked); });
}

}  // namespace perennial::cli
