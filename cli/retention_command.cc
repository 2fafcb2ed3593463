#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/list_pages.h"
#include "cli/moment.h"
#include "cli/retention_view.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using perennial::segments::v1::GetCustomerEquityRequest;
using perennial::segments::v1::GetRevenueRetentionRequest;
using perennial::segments::v1::ListRevenueRetentionAccountsRequest;
using perennial::segments::v1::PortfolioService;
using perennial::segments::v1::RetentionFigure;
using perennial::segments::v1::RetentionPeriod;

// Periods to show when nobody says since when.
constexpr int kStandardPeriods = 8;

const std::map<std::string, RetentionPeriod> kPeriods = {{"month", perennial::segments::v1::RETENTION_PERIOD_MONTH},
                                                         {"quarter", perennial::segments::v1::RETENTION_PERIOD_QUARTER},
                                                         {"year", perennial::segments::v1::RETENTION_PERIOD_YEAR}};
const std::map<std::string, RetentionFigure> kFigures = {
    {"start", perennial::segments::v1::RETENTION_FIGURE_START},
    {"expansion", perennial::segments::v1::RETENTION_FIGURE_EXPANSION},
    {"contraction", perennial::segments::v1::RETENTION_FIGURE_CONTRACTION},
    {"churned", perennial::segments::v1::RETENTION_FIGURE_CHURNED},
    {"reactivated", perennial::segments::v1::RETENTION_FIGURE_REACTIVATED},
    {"won", perennial::segments::v1::RETENTION_FIGURE_WON},
    {"lost", perennial::segments::v1::RETENTION_FIGURE_LOST}};

struct RetentionOptions {
  std::string period = "quarter";
  std::optional<absl::Time> since;
  std::optional<absl::Time> until;
  std::string filter;
  std::string segment;
  bool cohorts = false;
  std::string behind;  // name of a figure
  int limit = 50;
};

// What time it is for the services, whose clock may be fixed.
absl::StatusOr<absl::Time> ServerNow(const Client& client) {
  GetRevenueRetentionRequest request;
  request.set_period(perennial::segments::v1::RETENTION_PERIOD_YEAR);
  request.mutable_start_time()->set_seconds(0);
  PERENNIAL_ASSIGN_OR_RETURN(const auto answer,
                             client.Call(client.portfolio, &PortfolioService::Stub::GetRevenueRetention, request,
                                         "read the revenue retention"));
  return ToTime(answer.as_of());
}

// The start of the periods to show.
absl::StatusOr<absl::Time> StartOf(const Client& client, const RetentionOptions& asked) {
  if (asked.since.has_value()) return *asked.since;
  PERENNIAL_ASSIGN_OR_RETURN(const absl::Time now, ServerNow(client));
  if (!asked.behind.empty()) return now;
  const int months = asked.period == "year" ? 12 : asked.period == "quarter" ? 3 : 1;
  return absl::FromCivil(absl::ToCivilMonth(now, absl::UTCTimeZone()) - months * (kStandardPeriods - 1),
                         absl::UTCTimeZone());
}

int RunAccounts(const GlobalOptions& options, const Client& client, const RetentionOptions& asked, absl::Time start) {
  ListRevenueRetentionAccountsRequest request;
  request.set_filter(asked.filter);
  request.set_segment(SegmentName(asked.segment));
  request.set_period(kPeriods.at(asked.period));
  SetTimestamp(start, request.mutable_start_time());
  request.set_figure(kFigures.at(asked.behind));
  const auto answer =
      ListPages(client, client.portfolio, &PortfolioService::Stub::ListRevenueRetentionAccounts, request, asked.limit,
                "list the accounts", [](auto& response) { return response.mutable_accounts(); });
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderRetentionAccounts(*answer, asked.behind, width); });
}

int RunRetention(const GlobalOptions& options, const RetentionOptions& asked) {
  const Client client(options);
  const auto start = StartOf(client, asked);
  if (!start.ok()) return Fail(options, start.status());
  if (!asked.behind.empty()) return RunAccounts(options, client, asked, *start);
  GetRevenueRetentionRequest request;
  request.set_filter(asked.filter);
  request.set_segment(SegmentName(asked.segment));
  request.set_period(kPeriods.at(asked.period));
  SetTimestamp(*start, request.mutable_start_time());
  if (asked.until.has_value()) SetTimestamp(*asked.until, request.mutable_end_time());
  request.set_cohorts(asked.cohorts);
  const auto answer = client.Call(client.portfolio, &PortfolioService::Stub::GetRevenueRetention, request,
                                  "read the revenue retention");
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderRetention(*answer, request.period(), width); });
}

struct EquityOptions {
  std::string filter;
  std::vector<std::string> segments;
  double new_customers = 0;
  std::string new_customer_clv;
  std::string market;
  std::string currency = "USD";
  std::int64_t min_revision = 0;
};

int RunEquity(const GlobalOptions& options, const EquityOptions& asked) {
  const Client client(options);
  GetCustomerEquityRequest request;
  request.set_filter(asked.filter);
  for (const std::string& segment : asked.segments) request.add_segments(SegmentName(segment));
  request.set_expected_new_customers(asked.new_customers);
  const auto set = [&](const std::string& amount, perennial::type::v1::Money* money) {
    money->set_amount(amount);
    money->set_currency_code(asked.currency);
  };
  if (!asked.new_customer_clv.empty()) set(asked.new_customer_clv, request.mutable_expected_new_customer_clv());
  if (!asked.market.empty()) set(asked.market, request.mutable_market_equity());
  request.set_min_facts_revision(asked.min_revision);
  const auto answer =
      client.Call(client.portfolio, &PortfolioService::Stub::GetCustomerEquity, request, "read the customer equity");
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderEquity(*answer, width); });
}

}  // namespace

void AddRetentionCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(
      app, "retention", "NRR, GRR and churn by month, quarter or year, cohorts, and the accounts behind each figure",
      "Exact figures from the revenue ledger. A period that is not over is as of now. Without --since: the last 8 "
      "periods,\n"
      "with --behind the present one.");
  const auto asked = std::make_shared<RetentionOptions>();
  command->add_option("-p,--period", asked->period, "month, quarter or year")
      ->check(CLI::IsMember(kPeriods))
      ->capture_default_str();
  command
      ->add_option_function<std::string>(
          "--since", [asked](const std::string& text) { asked->since = ParseStart("--since", text); },
          "Begin with the period that holds this time")
      ->type_name("TIME");
  command
      ->add_option_function<std::string>(
          "--until", [asked](const std::string& text) { asked->until = ParseStart("--until", text); },
          "Only periods that begin before this time")
      ->type_name("TIME");
  command->add_option("-f,--filter", asked->filter, "Only accounts that this filter selects now (docs/filter.md)")
      ->type_name("FILTER");
  command->add_option("-s,--segment", asked->segment, "Only the present members of this segment")->type_name("ID");
  command->add_flag("-c,--cohorts", asked->cohorts,
                    "Also how much of each cohort is kept, by the period of its first payment");
  command
      ->add_option("--behind", asked->behind,
                   "The accounts behind a figure: start, expansion, contraction, churned, reactivated, won or lost")
      ->type_name("FIGURE")
      ->check(CLI::IsMember(kFigures));
  AddLimit(*command, asked->limit);
  command->callback([&options, asked] { options.exit_code = RunRetention(options, *asked); });
}

void AddEquityCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command = AddCommand(
      app, "equity", "What customers are worth together: by segment and in all",
      "Sums of customer lifetime value. Customers expected to be won are shown apart; each counts as the mean CLV of\n"
      "accounts that pay, or as --new-customer-clv.");
  const auto asked = std::make_shared<EquityOptions>();
  command->add_option("-f,--filter", asked->filter, "Only accounts that this filter selects (docs/filter.md)")
      ->type_name("FILTER");
  command->add_option("-s,--segment", asked->segments, "Show this segment; may be given again. Default: all")
      ->type_name("ID");
  command->add_option("--new-customers", asked->new_customers, "Customers expected to be won within a year")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--new-customer-clv", asked->new_customer_clv, "CLV of each of them")->type_name("AMOUNT");
  command->add_option("--market", asked->market, "Customer equity of the whole market, for the share")
      ->type_name("AMOUNT");
  command->add_option("--currency", asked->currency, "Reporting currency, for amounts")->capture_default_str();
  command->add_option("--min-revision", asked->min_revision, "Wait until facts up to this revision are in")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command->callback([&options, asked] { options.exit_code = RunEquity(options, *asked); });
}

}  // namespace perennial::cli
