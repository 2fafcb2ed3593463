#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/backtest_view.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/list_pages.h"
#include "cli/moment.h"
#include "common/base/time_util.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"

namespace perennial::cli {
namespace {

using perennial::health::v1::BacktestScorecardRequest;
using perennial::health::v1::ScorecardService;

// A back-test reads the history of all accounts, which takes longer than any other answer.
constexpr absl::Duration kUsualTimeout = absl::Seconds(10);
constexpr absl::Duration kLongTimeout = absl::Minutes(15);

struct BacktestOptions {
  std::string scorecard = "general";
  std::vector<absl::Time> as_of;
  int horizon_days = 90;
  std::int64_t revision = 0;
  std::string filter;
};

int RunBacktest(const GlobalOptions& options, BacktestOptions asked) {
  GlobalOptions patient = options;
  if (options.timeout == kUsualTimeout) patient.timeout = kLongTimeout;
  const Client client(patient);
  BacktestScorecardRequest request;
  request.set_name(asked.scorecard.rfind("scorecards/", 0) == 0 ? asked.scorecard
                                                                : absl::StrCat("scorecards/", asked.scorecard));
  request.set_revision(asked.revision);
  request.set_horizon_days(asked.horizon_days);
  request.set_filter(asked.filter);
  std::sort(asked.as_of.begin(), asked.as_of.end());
  for (const absl::Time time : asked.as_of) SetTimestamp(time, request.add_as_of());
  const auto stub = ScorecardService::NewStub(client.channel());
  const auto answer = client.Call(stub, &ScorecardService::Stub::BacktestScorecard, request, "back-test the scorecard");
  if (!answer.ok()) return Fail(options, answer.status());
  return Show(options, *answer, [&](int width) { return RenderBacktest(request, *answer, width); });
}

}  // namespace

void AddBacktestCommand(CLI::App& app, GlobalOptions& options) {
  CLI::App* command =
      AddCommand(app, "backtest", "How well a scorecard would have told who churns",
                 "Scores accounts as of past dates, from what was known then and nothing later, and compares with who "
                 "churned within\n"
                 "the horizon after each. Takes minutes on large portfolios: without --timeout it waits 15 minutes.");
  const auto asked = std::make_shared<BacktestOptions>();
  command->add_option("scorecard", asked->scorecard, "Id of the scorecard")->type_name("ID")->capture_default_str();
  command
      ->add_option_function<std::vector<std::string>>(
          "--as-of",
          [asked](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) asked->as_of.push_back(ParseMoment("--as-of", text));
          },
          "Dates to score as of, up to 24: RFC 3339, or a day (its end, UTC)")
      ->required()
      ->delimiter(',')
      ->type_name("TIME");
  command->add_option("--horizon", asked->horizon_days, "Days after each date within which churn counts")
      ->type_name("DAYS")
      ->check(CLI::Range(1, 730))
      ->capture_default_str();
  command->add_option("--revision", asked->revision, "Revision of the scorecard; 0 is the newest")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--filter", asked->filter, "Only accounts that this filter selects as of each date")
      ->type_name("FILTER");
  command->callback([&options, asked] { options.exit_code = RunBacktest(options, *asked); });
}

}  // namespace perennial::cli
