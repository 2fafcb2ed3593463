#include "cli/report_audience.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"
#include "cli/report_sections.h"
#include "cli/table.h"

namespace perennial::cli {
namespace {

using perennial::segments::v1::ReportFigure;
using perennial::segments::v1::ReportRow;
using perennial::segments::v1::ReportTable;

// A figure takes at least so many columns.
constexpr int kLeastCell = 25;
// A name in a table gives way to numbers down to this: "yellow" still fits.
constexpr int kLeastName = 6;
// More rows of a table are only counted.
constexpr int kMostRows = 20;

Text ValueOf(const ReportFigure& figure) {
  if (figure.has_money()) return {FormatRoundedMoney(figure.money()), Style::kBold};
  if (figure.figure_case() != ReportFigure::kValue) return {kUnknown, Style::kDim};
  return {FormatInUnit(figure.value(), figure.unit()), Style::kBold};
}

// Without decimals: tables have many columns, and --json has the rest.
std::string WholeAmount(double units) { return FormatNumber(units, 0); }

Page TableOf(const ReportTable& table, const std::string& currency, int width) {
  Page page = {SectionHead(table.display_name(), currency.empty() ? "" : absl::StrCat("amounts in ", currency), width)};
  if (table.rows().empty()) {
    page.emplace_back("  nothing to show", Style::kDim);
    return page;
  }
  std::vector<Column> columns = {
      {"", Align::kLeft, true, kLeastName}, {"accounts", Align::kRight}, {"MRR", Align::kRight}};
  for (const auto& column : table.columns()) columns.push_back({column.display_name(), Align::kRight});
  Table out(columns);
  for (int at = 0; at < std::min(table.rows_size(), kMostRows); ++at) {
    const ReportRow& row = table.rows(at);
    std::vector<Text> cells = {row.display_name(), FormatCount(row.accounts()), WholeAmount(UnitsOf(row.mrr()))};
    for (int i = 0; i < row.cells_size() && i < table.columns_size(); ++i) {
      const auto& cell = row.cells(i);
      const std::string& unit = table.columns(i).unit();
      cells.emplace_back(cell.has_value() ? unit.empty() ? WholeAmount(cell.value()) : FormatInUnit(cell.value(), unit)
                                          : std::string(kUnknown),
                         cell.has_value() ? Style::kPlain : Style::kDim);
    }
    out.AddRow(std::move(cells));
  }
  Append(page, out.Render(width));
  if (table.rows_size() > kMostRows) {
    page.push_back(Text(absl::StrCat("  and ", table.rows_size() - kMostRows, " more: see --json"), Style::kDim));
  }
  return page;
}

}  // namespace

std::string FormatInUnit(double value, absl::string_view unit) {
  if (unit == "ratio") return FormatPercent(value);
  if (unit == "hours") return absl::StrCat(FormatNumber(value, 1), " h");
  if (unit == "days") return FormatDays(value);
  if (unit == "accounts") return FormatCount(std::llround(value));
  if (unit == "points") return FormatScore(value);
  if (unit == "correlation") return absl::StrFormat("%+.2f", value);
  return FormatNumber(value);
}

std::string AudienceName(perennial::segments::v1::ReportAudience audience) {
  const std::string& name = perennial::segments::v1::ReportAudience_Name(audience);
  const std::string last = absl::AsciiStrToLower(name.substr(name.rfind('_') + 1));
  return absl::StrCat(absl::AsciiStrToUpper(last.substr(0, 1)), last.substr(1));
}

Page ReportFigures(const ReportData& data, int width) {
  const auto& figures = data.report.figures();
  if (figures.empty()) return {};
  const int in_row = std::max(1, (width - 2) / kLeastCell);
  const int cell = (width - 2) / in_row;
  Page page = {SectionHead(absl::StrCat(AudienceName(data.report.audience()), " figures"), "", width)};
  for (int first = 0; first < figures.size(); first += in_row) {
    Text labels, values, known;
    for (int i = first; i < std::min(first + in_row, figures.size()); ++i) {
      const ReportFigure& figure = figures[i];
      const int start = 2 + (i - first) * cell;
      labels.PadTo(start).Add(Text(figure.display_name(), Style::kDim).Truncated(cell - 2));
      values.PadTo(start).Add(ValueOf(figure).Truncated(cell - 2));
      known.PadTo(start).Add(
          Text(absl::StrCat("of ", CountOf(figure.known_accounts(), "account")), Style::kDim).Truncated(cell - 2));
    }
    if (first > 0) page.emplace_back();
    page.push_back(std::move(labels));
    page.push_back(std::move(values));
    page.push_back(std::move(known));
  }
  return page;
}

Page ReportTables(const ReportData& data, int width) {
  Page page;
  for (const ReportTable& table : data.report.tables()) {
    if (!page.empty()) page.emplace_back();
    Append(page, TableOf(table, data.report.mrr().currency_code(), width));
  }
  return page;
}

Page ReportLists(const ReportData& data, int width) {
  Page page;
  for (const auto& list : data.report.lists()) {
    if (!page.empty()) page.emplace_back();
    const bool all = list.total_size() == list.accounts_size();
    page.push_back(SectionHead(list.display_name(),
                               all ? CountOf(list.total_size(), "account")
                                   : absl::StrCat(list.accounts_size(), " of ", CountOf(list.total_size(), "account")),
                               width));
    if (list.accounts().empty()) page.emplace_back("  none", Style::kDim);
    if (!list.accounts().empty()) Append(page, ReportAccountTable(data, list.accounts(), width));
  }
  return page;
}

Page ReportDefinitions(const ReportData& data, int width) {
  Page page = {SectionHead("How it is computed", "", width)};
  const auto add = [&](const auto& parts) {
    for (const auto& part : parts) {
      page.push_back(Text("  ").Add(part.display_name(), Style::kBold));
      Append(page, Wrap(part.definition(), width, 4, Style::kDim));
    }
  };
  add(data.report.figures());
  add(data.report.tables());
  add(data.report.lists());
  return page;
}

}  // namespace perennial::cli
