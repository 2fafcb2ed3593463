#include "cli/report_sections.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/bars.h"
#include "cli/flag_rules.h"
#include "cli/format.h"
#include "cli/share_table.h"
#include "cli/table.h"
#include "cli/tiles.h"

namespace perennial::cli {
namespace {

using perennial::segments::v1::ReportAccount;
using perennial::segments::v1::RevenueWindow;
using perennial::type::v1::Money;

constexpr int kScoreBar = 10;
// From here on the lists name the owner too.
constexpr int kWide = 100;
constexpr int kReasons = 2;

Text Strong(const std::string& text) { return {text, Style::kBold}; }

const std::vector<std::string> kShareTitles = {"accounts", "MRR"};

// A row for a message with accounts and mrr.
template <class Message>
Share ShareOf(const Text& label, const Message& message, Style style) {
  return {label,
          static_cast<double>(message.accounts()),
          style,
          {FormatCount(message.accounts()), FormatMoney(message.mrr())}};
}

template <class Shares>
std::int64_t AllAccounts(const Shares& shares) {
  std::int64_t sum = 0;
  for (const auto& share : shares) sum += share.accounts();
  return sum;
}

std::string NameOf(const ReportAccount& account) {
  return account.display_name().empty() ? std::string(LastPart(account.account())) : account.display_name();
}

std::optional<double> ScoreOf(const ReportAccount& account) {
  return account.has_score() ? std::optional(account.score()) : std::nullopt;
}

std::optional<double> RenewalOf(const ReportAccount& account) {
  return account.has_renewal_days() ? std::optional(account.renewal_days()) : std::nullopt;
}

Text ScoreCell(const ReportAccount& account) { return {FormatScore(ScoreOf(account)), StyleOfBand(account.band())}; }

}  // namespace

Page ReportHeadline(const ReportData& data, int width) {
  const auto& report = data.report;
  Text title(report.segment().empty() ? "Customer portfolio" : absl::StrCat("Customer portfolio: ", report.segment()),
             Style::kBold);
  Text moment;  // absent while nothing has ever been stored
  if (report.has_as_of()) {
    moment.Add(absl::StrCat("as of ", FormatTime(report.as_of()), " · revision ", FormatCount(report.facts_revision())),
               Style::kDim);
  }
  Page page;
  if (title.width() + moment.width() + 2 <= width) {
    page.push_back(title.PadTo(width - moment.width()).Add(moment));
  } else {
    page.push_back(title.Truncated(width));
    page.push_back(moment.Truncated(width));
  }
  if (report.accounts() == 0) return page;
  page.emplace_back();
  if (report.audience() > perennial::segments::v1::REPORT_AUDIENCE_SUCCESS) {
    // Health is in the report for success alone.
    Append(page, Tiles({{"MRR", Strong(FormatMoney(report.mrr()))},
                        {"ARR", Strong(FormatMoney(report.arr()))},
                        {"Accounts", Strong(FormatCount(report.accounts()))},
                        {"Paying", Strong(FormatCount(report.paying_accounts()))}},
                       width));
    return page;
  }
  Append(page, Tiles({{"MRR", Strong(FormatMoney(report.mrr()))},
                      {"ARR", Strong(FormatMoney(report.arr()))},
                      {"MRR per payer", FormatRoundedMoney(report.average_mrr())},
                      {"MRR in lowest band", Text(FormatMoney(report.mrr_at_risk()), Style::kRed)}},
                     width));
  page.emplace_back();
  const auto mean = report.has_mean_score() ? std::optional(report.mean_score()) : std::nullopt;
  Append(page, Tiles({{"Accounts", Strong(FormatCount(report.accounts()))},
                      {"Paying", Strong(FormatCount(report.paying_accounts()))},
                      {"Mean score", Strong(FormatScore(mean))},
                      {"Scored", FormatPercent(report.score_coverage())}},
                     width));
  return page;
}

Page ReportHealth(const ReportData& data, int width) {
  const auto& bands = data.report.bands();
  const std::int64_t all = AllAccounts(bands);
  Page page = {SectionHead("Health mix", absl::StrCat(CountOf(all, "live account")), width)};
  if (all == 0) {
    page.emplace_back("  no live account: all have churned", Style::kDim);
    return page;
  }
  static constexpr const char* kShades[] = {"█", "▓", "▒", "░"};
  std::vector<BarPart> parts;
  std::vector<Share> rows;
  for (const auto& band : bands) {
    const Style style = StyleOfBand(band.band());
    const char* shade = band.band().empty() ? "·" : kShades[parts.size() % std::size(kShades)];
    const auto count = static_cast<double>(band.accounts());
    parts.push_back({count, style, shade});
    rows.push_back(
        {Text(shade, style).Add(" ").Add(BandText(band.band())),
         count,
         style,
         {FormatCount(band.accounts()), FormatPercent(count / static_cast<double>(all)), FormatMoney(band.mrr())}});
  }
  page.push_back(Text("  ").Add(StackedBar(parts, width - 2)));
  Append(page, ShareTable({"accounts", "share", "MRR"}, rows, width));
  return page;
}

Page ReportPhases(const ReportData& data, int width) {
  Page page = {SectionHead("Lifecycle", "", width)};
  std::vector<Share> rows;
  for (const auto& phase : data.report.phases()) {
    rows.push_back(ShareOf(phase.phase().empty() ? Text("unknown", Style::kDim) : Text(FormatPhase(phase.phase())),
                           phase, Style::kCyan));
  }
  Append(page, ShareTable(kShareTitles, rows, width));
  return page;
}

Page ReportSegments(const ReportData& data, int width) {
  Page page = {SectionHead("Segments", "", width)};
  std::vector<Share> rows;
  for (const auto& segment : data.report.segments()) {
    const std::string id(LastPart(segment.segment()));
    rows.push_back(ShareOf(segment.display_name().empty() ? id : segment.display_name(), segment, Style::kCyan));
  }
  if (rows.empty()) page.emplace_back("  none defined", Style::kDim);
  if (!rows.empty()) Append(page, ShareTable(kShareTitles, rows, width));
  return page;
}

Page ReportFlags(const ReportData& data, int width) {
  Page page = {SectionHead("Flags raised", "", width)};
  std::vector<Share> rows;
  for (const auto& flag : data.report.flags()) {
    const auto rule = data.rules.find(flag.rule());
    const bool good =
        rule != data.rules.end() && rule->second.category() == perennial::health::v1::FLAG_CATEGORY_OPPORTUNITY;
    rows.push_back(ShareOf(FlagName(data.rules, flag.rule()), flag, good ? Style::kGreen : Style::kYellow));
  }
  if (rows.empty()) page.emplace_back("  none", Style::kDim);
  if (!rows.empty()) Append(page, ShareTable(kShareTitles, rows, width));
  return page;
}

Page ReportWorst(const ReportData& data, int width) {
  Page page = {SectionHead("Needs attention", "lowest scores first", width)};
  if (data.report.worst_accounts().empty()) {
    page.emplace_back("  no live account has a known score", Style::kDim);
    return page;
  }
  std::vector<Column> columns = {{"", Align::kRight}, {"", Align::kLeft, true}};
  if (width >= kWide) columns.push_back({"owner", Align::kLeft, true});
  for (Column column :
       {Column{"score", Align::kRight}, Column{""}, Column{"MRR", Align::kRight}, Column{"renews", Align::kRight}}) {
    columns.push_back(std::move(column));
  }
  Table table(columns);
  int rank = 0;
  for (const ReportAccount& account : data.report.worst_accounts()) {
    std::vector<Text> cells = {Text(absl::StrCat(++rank), Style::kDim), Strong(NameOf(account))};
    if (width >= kWide)
      cells.emplace_back(account.owner().empty() ? kUnknown : absl::string_view(account.owner()), Style::kDim);
    cells.push_back(ScoreCell(account));
    cells.push_back(Bar(account.score() / 100, kScoreBar, StyleOfBand(account.band()), true));
    cells.emplace_back(FormatMoney(account.mrr()));
    cells.emplace_back(FormatDaysUntil(RenewalOf(account)));
    table.AddRow(std::move(cells));
    const auto explanation = data.explanations.find(account.account());
    if (explanation == data.explanations.end()) continue;
    for (const Text& reason : WorstReasons(explanation->second, kReasons)) table.AddLine(Text("  ").Add(reason));
  }
  Append(page, table.Render(width));
  return page;
}

Page ReportAccountTable(const ReportData& data, const google::protobuf::RepeatedPtrField<ReportAccount>& accounts,
                        int width) {
  std::vector<Column> columns = {{"", Align::kLeft, true}};
  if (width >= kWide) columns.push_back({"flags", Align::kLeft, true});
  for (Column column :
       {Column{"score", Align::kRight}, Column{""}, Column{"MRR", Align::kRight}, Column{"renews", Align::kRight}}) {
    columns.push_back(std::move(column));
  }
  Table table(columns);
  for (const ReportAccount& account : accounts) {
    std::vector<Text> cells = {Text(NameOf(account))};
    if (width >= kWide) {
      Text flags;
      for (const std::string& rule : account.open_flags())
        flags.Add(flags.empty() ? "" : "  ").Add(FlagName(data.rules, rule));
      cells.push_back(std::move(flags));
    }
    cells.push_back(ScoreCell(account));
    cells.push_back(BandText(account.band()));
    cells.emplace_back(FormatMoney(account.mrr()));
    cells.emplace_back(FormatDaysUntil(RenewalOf(account)));
    table.AddRow(std::move(cells));
  }
  return table.Render(width);
}

Page ReportRenewals(const ReportData& data, int width) {
  const auto& report = data.report;
  const std::string note = report.renewals_90d() == 0
                               ? ""
                               : absl::StrCat(FormatCount(report.renewals_90d()), " within 90 days · ",
                                              FormatMoney(report.renewals_90d_mrr()));
  Page page = {SectionHead("Next renewals", note, width)};
  if (report.next_renewals().empty()) {
    page.emplace_back("  none within 90 days", Style::kDim);
    return page;
  }
  Append(page, ReportAccountTable(data, report.next_renewals(), width));
  return page;
}

Page ReportRevenue(const ReportData& data, int width) {
  const auto& windows = data.report.revenue();
  const std::string& currency = data.report.mrr().currency_code();
  Page page = {SectionHead("Revenue retention", currency.empty() ? "" : absl::StrCat("amounts in ", currency), width)};
  if (windows.empty()) {
    page.emplace_back("  nothing to compare with yet", Style::kDim);
    return page;
  }
  std::vector<Column> columns = {{"", Align::kLeft, true}};
  for (const RevenueWindow& window : windows) columns.push_back({absl::StrCat(window.days(), " days"), Align::kRight});
  Table table(columns);
  const auto add_row = [&](const char* label, auto cell_of) {
    std::vector<Text> cells = {label};
    for (const RevenueWindow& window : windows) cells.push_back(cell_of(window));
    table.AddRow(std::move(cells));
  };
  const auto amount = [](const Money& money, absl::string_view sign) {
    const bool nothing = UnitsOf(money) == 0;
    return Text(nothing ? FormatBareMoney(money) : absl::StrCat(sign, FormatBareMoney(money)),
                nothing ? Style::kDim : Style::kPlain);
  };
  add_row("Net (NRR)", [](const RevenueWindow& w) {
    return Strong(FormatPercent(w.has_nrr() ? std::optional(w.nrr()) : std::nullopt));
  });
  add_row("Gross (GRR)", [](const RevenueWindow& w) {
    return Strong(FormatPercent(w.has_grr() ? std::optional(w.grr()) : std::nullopt));
  });
  add_row("Logo churn", [](const RevenueWindow& w) {
    return Text(FormatPercent(w.has_logo_churn_rate() ? std::optional(w.logo_churn_rate()) : std::nullopt));
  });
  add_row("Accounts lost", [](const RevenueWindow& w) {
    return Text(absl::StrCat(FormatCount(w.lost_accounts()), " of ", FormatCount(w.start_accounts())));
  });
  add_row("MRR at the start", [&](const RevenueWindow& w) { return amount(w.start_mrr(), ""); });
  add_row("New", [&](const RevenueWindow& w) { return amount(w.new_mrr(), "+"); });
  add_row("Expansion", [&](const RevenueWindow& w) { return amount(w.expansion_mrr(), "+"); });
  add_row("Reactivated", [&](const RevenueWindow& w) { return amount(w.reactivated_mrr(), "+"); });
  add_row("Contraction", [&](const RevenueWindow& w) { return amount(w.contraction_mrr(), "-"); });
  add_row("Churned", [&](const RevenueWindow& w) { return amount(w.churned_mrr(), "-"); });
  Append(page, table.Render(width));
  return page;
}

}  // namespace perennial::cli
