#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/list_pages.h"
#include "cli/moment.h"
#include "cli/table.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using perennial::accounts::v1::DeleteExchangeRateRequest;
using perennial::accounts::v1::ExchangeRate;
using perennial::accounts::v1::ExchangeRateService;
using perennial::accounts::v1::ListExchangeRatesRequest;
using perennial::accounts::v1::ListExchangeRatesResponse;
using perennial::accounts::v1::SetExchangeRateRequest;

constexpr absl::string_view kHeader = "currency_code,rate,effective_time";

struct RateOptions {
  std::string currency;
  std::string rate;
  std::optional<absl::Time> since;
  std::string file;
  bool csv = false;
};

Page RenderRates(const ListExchangeRatesResponse& answer, int width) {
  if (answer.exchange_rates().empty()) return {Text("  No exchange rates are set.", Style::kDim)};
  Page page = {SectionHead("Exchange rates", absl::StrCat("in ", answer.reporting_currency()), width)};
  Table table({{"currency"}, {"rate", Align::kRight}, {"since", Align::kLeft, true}});
  for (const ExchangeRate& rate : answer.exchange_rates()) {
    table.AddRow(
        {Text(rate.currency_code(), Style::kBold), Text(rate.rate()), Text(FormatTime(rate.effective_time()))});
  }
  Append(page, table.Render(width));
  return page;
}

int RunList(const GlobalOptions& options, const RateOptions& asked) {
  const Client client(options);
  ListExchangeRatesRequest request;
  request.set_currency_code(asked.currency);
  const auto answer =
      ListPages(client, client.rates, &ExchangeRateService::Stub::ListExchangeRates, request, 0,
                "list the exchange rates", [](auto& response) { return response.mutable_exchange_rates(); });
  if (!answer.ok()) return Fail(options, answer.status());
  if (!asked.csv) return Show(options, *answer, [&](int width) { return RenderRates(*answer, width); });
  *options.out << kHeader << "\n";
  for (const ExchangeRate& rate : answer->exchange_rates()) {
    *options.out << rate.currency_code() << "," << rate.rate() << ","
                 << absl::FormatTime(absl::RFC3339_full, ToTime(rate.effective_time()), absl::UTCTimeZone()) << "\n";
  }
  return kExitSuccess;
}

Page RenderChange(absl::string_view what, std::int64_t accounts) {
  return {Text(absl::StrCat("  ", what, "; ", accounts == 0 ? "no account" : CountOf(accounts, "account"),
                            accounts > 1 ? " are" : " is", " computed anew"))};
}

int RunSet(const GlobalOptions& options, const RateOptions& asked) {
  const Client client(options);
  SetExchangeRateRequest request;
  request.mutable_exchange_rate()->set_currency_code(asked.currency);
  request.mutable_exchange_rate()->set_rate(asked.rate);
  SetTimestamp(asked.since.value_or(absl::Now()), request.mutable_exchange_rate()->mutable_effective_time());
  const auto answer =
      client.Call(client.rates, &ExchangeRateService::Stub::SetExchangeRate, request, "set the exchange rate");
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int) {
    const ExchangeRate& rate = answer->exchange_rate();
    return RenderChange(
        absl::StrCat(rate.currency_code(), " ", rate.rate(), " since ", FormatTime(rate.effective_time()), " is set"),
        answer->accounts_affected());
  });
}

int RunDelete(const GlobalOptions& options, const RateOptions& asked) {
  const Client client(options);
  DeleteExchangeRateRequest request;
  request.set_currency_code(asked.currency);
  if (asked.since.has_value()) SetTimestamp(*asked.since, request.mutable_effective_time());
  const auto answer =
      client.Call(client.rates, &ExchangeRateService::Stub::DeleteExchangeRate, request, "delete the exchange rate");
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int) { return RenderChange("the rate is deleted", answer->accounts_affected()); });
}

// A line of the file; what is wrong with it as a sentence.
absl::StatusOr<SetExchangeRateRequest> ReadLine(absl::string_view line) {
  std::vector<std::string> cells = absl::StrSplit(line, ',');
  for (std::string& cell : cells) {
    absl::StripAsciiWhitespace(&cell);
    if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
  }
  if (cells.size() != 3) return absl::InvalidArgumentError(absl::StrCat("must have the cells ", kHeader));
  SetExchangeRateRequest request;
  request.mutable_exchange_rate()->set_currency_code(cells[0]);
  request.mutable_exchange_rate()->set_rate(cells[1]);
  try {
    SetTimestamp(ParseStart("effective_time", cells[2]), request.mutable_exchange_rate()->mutable_effective_time());
  } catch (const CLI::ValidationError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return request;
}

int RunImport(const GlobalOptions& options, const RateOptions& asked) {
  std::ifstream file(asked.file);
  if (!file) return Fail(options, absl::NotFoundError(absl::StrCat("cannot read ", asked.file)));
  const Client client(options);
  std::string line;
  std::int64_t set = 0;
  for (int number = 1; std::getline(file, line); ++number) {
    if (number == 1 && line.rfind("\xEF\xBB\xBF", 0) == 0) line.erase(0, 3);
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty() || (number == 1 && text == kHeader)) continue;
    const auto request = ReadLine(text);
    const auto answer = request.ok() ? client.Call(client.rates, &ExchangeRateService::Stub::SetExchangeRate, *request,
                                                   "set the exchange rate")
                                     : request.status();
    if (!answer.ok()) {
      return Fail(options, absl::Status(answer.status().code(),
                                        absl::StrCat(asked.file, ":", number, ": ", answer.status().message(), "; ",
                                                     CountOf(set, "rate"), " before it set")));
    }
    ++set;
  }
  *options.out << "  " << CountOf(set, "rate") << " set\n";
  return kExitSuccess;
}

void AddSince(CLI::App& command, const std::shared_ptr<RateOptions>& asked, bool required) {
  command
      .add_option_function<std::string>(
          "--since", [asked](const std::string& text) { asked->since = ParseStart("--since", text); },
          absl::StrCat("Since when it is in force: RFC 3339, or a day (its beginning, UTC)", required ? "" : "; now"))
      ->type_name("TIME")
      ->required(required);
}

void AddCurrency(CLI::App& command, const std::shared_ptr<RateOptions>& asked) {
  command.add_option("currency", asked->currency, "ISO 4217 code, for example EUR")->required()->type_name("CODE");
}

}  // namespace

void AddRatesCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command =
      AddCommand(app, "rates", "Exchange rates (docs/currencies.md)", "Without a subcommand: the list of rates.");
  command->require_subcommand(0, 1);
  const auto asked = std::make_shared<RateOptions>();
  CLI::App* list = AddCommand(*command, "list", "Every rate by currency, then time");
  list->add_option("--currency", asked->currency, "Only of this currency")->type_name("CODE");
  list->add_flag("--csv", asked->csv, "As a file that rates import reads");
  list->callback([&options, asked] { options.exit_code = RunList(options, *asked); });
  CLI::App* set = AddCommand(*command, "set", "Set what a currency is worth from a moment on");
  AddCurrency(*set, asked);
  set->add_option("rate", asked->rate, "Units of the reporting currency for one of it")->required()->type_name("RATE");
  AddSince(*set, asked, false);
  set->callback([&options, asked] { options.exit_code = RunSet(options, *asked); });
  CLI::App* remove = AddCommand(*command, "delete", "Delete a rate; the one before it is in force then");
  AddCurrency(*remove, asked);
  AddSince(*remove, asked, true);
  remove->callback([&options, asked] { options.exit_code = RunDelete(options, *asked); });
  CLI::App* import = AddCommand(*command, "import", "Set the rates of a CSV file",
                                absl::StrCat("Its lines are ", kHeader, "; setting a rate again changes nothing."));
  import->add_option("file", asked->file, "The file")->required()->type_name("FILE");
  import->callback([&options, asked] { options.exit_code = RunImport(options, *asked);
});
command->callback([&options, command, asked] {
  if (command->get_subcommands().empty()) options.exit_code = RunList(options, *asked);
});
}  // namespace perennial::cli

}  // namespace perennial::cli
