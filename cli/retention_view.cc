#include "cli/retention_view.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "cli/format.h"
#include "cli/table.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using perennial::segments::v1::GetRevenueRetentionResponse;
using perennial::segments::v1::RetentionPeriod;
using perennial::segments::v1::RetentionWindow;
using perennial::segments::v1::RevenueCohort;
using perennial::type::v1::Money;

// From here on there is room for every movement.
constexpr int kWide = 110;
// A cell of the cohort table: "100%" and two spaces.
constexpr int kCohortCell = 6;

// "2024 Q3", "2024-05", "2024".
std::string NameOf(const google::protobuf::Timestamp& start, RetentionPeriod period) {
  const absl::CivilMonth month(absl::ToCivilSecond(ToTime(start), absl::UTCTimeZone()));
  if (period == perennial::segments::v1::RETENTION_PERIOD_YEAR) return absl::StrCat(month.year());
  if (period == perennial::segments::v1::RETENTION_PERIOD_QUARTER) {
    return absl::StrCat(month.year(), " Q", (month.month() + 2) / 3);
  }
  return absl::StrFormat("%d-%02d", month.year(), month.month());
}

Text Ratio(bool known, double value) { return known ? Text(FormatPercent(value)) : Text(kUnknown, Style::kDim); }

// An amount with a sign; nothing is dim.
Text Signed(const Money& money, const char* sign) {
  const bool nothing = UnitsOf(money) == 0;
  return {nothing ? "0" : absl::StrCat(sign, FormatNumber(UnitsOf(money), 0)), nothing ? Style::kDim : Style::kPlain};
}

Text Whole(const Money& money) { return FormatNumber(UnitsOf(money), 0); }

Page Windows(const GetRevenueRetentionResponse& retention, RetentionPeriod period, int width) {
  std::vector<Column> columns = {{"", Align::kLeft, true}};
  const bool wide = width >= kWide;
  const std::vector<const char*> titles =
      wide ? std::vector<const char*>{"new", "expansion", "reactivated", "contraction", "churned",
                                      "end", "payers",    "NRR",         "GRR",         "churn"}
           : std::vector<const char*>{"start", "end", "payers", "NRR", "GRR", "churn", "expansion"};
  for (const char* title : titles) columns.push_back({title, Align::kRight});
  Table table(columns);
  bool unfinished = false;
  bool begun = false;
  for (const RetentionWindow& window : retention.windows()) {
    // Nobody paid yet; but the last one is always shown.
    begun = begun || window.start_accounts() + window.end_accounts() > 0 || &window == &*retention.windows().rbegin();
    if (!begun) continue;
    unfinished = unfinished || window.unfinished();
    std::vector<Text> cells = {absl::StrCat(NameOf(window.start_time(), period), window.unfinished() ? "*" : "")};
    // Where there is room for movements, the start is the end of the row before.
    if (!wide) cells.push_back(Whole(window.start_mrr()));
    if (wide) {
      for (auto& cell :
           {Signed(window.new_mrr(), "+"), Signed(window.expansion_mrr(), "+"), Signed(window.reactivated_mrr(), "+"),
            Signed(window.contraction_mrr(), "-"), Signed(window.churned_mrr(), "-")}) {
        cells.push_back(cell);
      }
    }
    cells.push_back(Whole(window.end_mrr()));
    cells.emplace_back(FormatCount(window.end_accounts()));
    cells.push_back(Ratio(window.has_nrr(), window.nrr()));
    cells.push_back(Ratio(window.has_grr(), window.grr()));
    cells.push_back(Ratio(window.has_logo_churn_rate(), window.logo_churn_rate()));
    if (!wide) cells.push_back(Ratio(window.has_expansion_rate(), window.expansion_rate()));
    table.AddRow(std::move(cells));
  }
  Page page = table.Render(width);
  if (unfinished) page.emplace_back("  * not over yet: as of now", Style::kDim);
  return page;
}

Style StyleOfShare(double share) {
  if (share >= 0.9) return Style::kGreen;
  return share >= 0.7 ? Style::kYellow : Style::kRed;
}

// One table of shares by periods since the first payment, as many as there is room for.
Page Cohorts(const GetRevenueRetentionResponse& retention, RetentionPeriod period, bool revenue, int width) {
  const auto shares_of = [&](const RevenueCohort& cohort) -> const google::protobuf::RepeatedField<double>& {
    return revenue ? cohort.revenue_retention() : cohort.logo_retention();
  };
  int most = 0;
  for (const RevenueCohort& cohort : retention.cohorts()) most = std::max(most, shares_of(cohort).size());
  constexpr int kLabels = 34;  // period, accounts and MRR
  const int shown = std::min(most, (width - kLabels) / kCohortCell);
  Page page = {SectionHead(revenue ? "MRR kept by cohort" : "Accounts kept by cohort",
                           shown < most ? absl::StrCat("the first ", shown, " of ", most, " periods") : "", width)};
  std::vector<Column> columns = {
      {"first paid", Align::kLeft, true}, {"accounts", Align::kRight}, {"MRR", Align::kRight}};
  for (int i = 0; i < shown; ++i) columns.push_back({absl::StrCat("+", i), Align::kRight});
  Table table(columns);
  for (const RevenueCohort& cohort : retention.cohorts()) {
    if (cohort.accounts() == 0) continue;
    std::vector<Text> cells = {NameOf(cohort.start_time(), period), FormatCount(cohort.accounts()),
                               Whole(cohort.mrr())};
    for (int i = 0; i < std::min(shown, shares_of(cohort).size()); ++i) {
      const double share = shares_of(cohort)[i];
      cells.emplace_back(absl::StrFormat("%.0f%%", share * 100), StyleOfShare(share));
    }
    cells.resize(columns.size());
    table.AddRow(std::move(cells));
  }
  if (most == 0) page.emplace_back("  nobody first paid in these periods", Style::kDim);
  if (most > 0) Append(page, table.Render(width));
  return page;
}

void AddReading(const perennial::type::v1::FilterReading& reading, Page& page) {
  for (const std::string& warning : reading.warnings()) page.push_back(Text("  ! ", Style::kYellow).Add(warning));
}

}  // namespace

Page RenderRetention(const GetRevenueRetentionResponse& retention, RetentionPeriod period, int width) {
  const std::string currency = retention.windows().empty() ? "" : retention.windows(0).start_mrr().currency_code();
  Page page = {SectionHead("Revenue retention",
                           absl::StrCat(CountOf(retention.accounts(), "account"), " · amounts in ", currency), width)};
  Append(page, Windows(retention, period, width));
  if (!retention.cohorts().empty()) {
    for (const bool revenue : {true, false}) {
      page.emplace_back();
      Append(page, Cohorts(retention, period, revenue, width));
    }
  }
  AddReading(retention.filter_reading(), page);
  return page;
}

Page RenderRetentionAccounts(const perennial::segments::v1::ListRevenueRetentionAccountsResponse& accounts,
                             const std::string& figure, int width) {
  Page page = {SectionHead(
      absl::StrCat("Accounts behind ", figure),
      absl::StrCat(CountOf(accounts.total_size(), "account"), " · ", FormatMoney(accounts.total_amount())), width)};
  if (accounts.accounts().empty()) {
    page.emplace_back("  none", Style::kDim);
    return page;
  }
  Table table(
      {{"", Align::kLeft, true}, {"amount", Align::kRight}, {"MRR start", Align::kRight}, {"MRR end", Align::kRight}});
  for (const auto& account : accounts.accounts()) {
    table.AddRow({account.display_name().empty() ? std::string(LastPart(account.account())) : account.display_name(),
                  Text(FormatBareMoney(account.amount()), Style::kBold), FormatBareMoney(account.start_mrr()),
                  FormatBareMoney(account.end_mrr())});
  }
  Append(page, table.Render(width));
  if (!accounts.next_page_token().empty()) page.emplace_back("  and more: see --limit", Style::kDim);
  return page;
}

}  // namespace perennial::cli
