#include "segment-svc/report/audience_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "segment-svc/revenue_window.h"

namespace perennial::segments {
namespace {

constexpr double kBillion = 1e9;
// More than any fact that means are made of; keeps sums within their type.
constexpr double kMost = 9e9;

MoneyTotal::Wide InBillionths(double value) { return std::llround(std::clamp(value, -kMost, kMost) * kBillion); }

}  // namespace

void Mean::Add(std::optional<double> value, double weight) {
  if (!value.has_value()) return;
  ++known_;
  sum_ += InBillionths(*value * weight);
  weight_ += InBillionths(weight);
}

std::optional<double> Mean::value() const {
  if (weight_ == 0) return std::nullopt;
  return static_cast<double>(sum_) / static_cast<double>(weight_);
}

void Correlation::Add(std::optional<double> x, std::optional<double> y) {
  if (!x.has_value() || !y.has_value()) return;
  ++count_;
  const double dx = *x - mean_x_;
  const double dy = *y - mean_y_;
  const auto n = static_cast<double>(count_);
  mean_x_ += dx / n;
  mean_y_ += dy / n;
  xx_ += dx * (*x - mean_x_);
  yy_ += dy * (*y - mean_y_);
  xy_ += dx * (*y - mean_y_);
}

std::optional<double> Correlation::value() const {
  constexpr double kNothing = 1e-9;
  if (count_ < 3 || !(xx_ > kNothing) || !(yy_ > kNothing)) return std::nullopt;
  const double value = std::clamp(xy_ / std::sqrt(xx_ * yy_), -1.0, 1.0);
  // Digits beyond depend on the order of rows.
  return std::round(value * kBillion) / kBillion;
}

std::vector<facts::RowId> AudienceReport::Live() const {
  std::vector<facts::RowId> live;
  accounts_.rows().ForEach([&](facts::RowId row) {
    if (accounts_.IsLive(row)) live.push_back(row);
  });
  return live;
}

v1::ReportFigure* AudienceReport::NewFigure(const Heading& heading, const char* unit, std::int64_t known) {
  v1::ReportFigure* figure = response_.add_figures();
  figure->set_id(heading.id);
  figure->set_display_name(heading.name);
  figure->set_definition(heading.definition);
  figure->set_unit(unit);
  figure->set_known_accounts(known);
  return figure;
}

void AudienceReport::Figure(const Heading& heading, const char* unit, std::optional<double> value, std::int64_t known) {
  v1::ReportFigure* figure = NewFigure(heading, unit, known);
  if (value.has_value()) figure->set_value(*value);
}

void AudienceReport::Amount(const Heading& heading, std::optional<MoneyTotal> amount, std::int64_t known) {
  v1::ReportFigure* figure = NewFigure(heading, "", known);
  if (amount.has_value()) *figure->mutable_money() = accounts_.Money(*amount);
}

v1::ReportTable* AudienceReport::Table(const Heading& heading, std::initializer_list<Column> columns) {
  v1::ReportTable* table = response_.add_tables();
  table->set_id(heading.id);
  table->set_display_name(heading.name);
  table->set_definition(heading.definition);
  for (const Column& column : columns) {
    v1::ReportColumn* out = table->add_columns();
    out->set_display_name(column.name);
    out->set_unit(column.unit);
  }
  return table;
}

void AudienceReport::AddRow(v1::ReportTable* table, const std::string& key, const std::string& name, const Share& share,
                            Values values) {
  v1::ReportRow* row = table->add_rows();
  row->set_key(key);
  row->set_display_name(name);
  accounts_.Fill(share, row);
  for (const std::optional<double>& value : values) {
    v1::ReportCell* cell = row->add_cells();
    if (value.has_value()) cell->set_value(*value);
  }
}

void AudienceReport::List(const Heading& heading, std::vector<facts::RowId> rows, const Before& before,
                          const NumberFact* mrr) {
  v1::ReportAccountList* list = response_.add_lists();
  list->set_id(heading.id);
  list->set_display_name(heading.name);
  list->set_definition(heading.definition);
  list->set_total_size(static_cast<std::int64_t>(rows.size()));
  const Before by_mrr = [this](facts::RowId a, facts::RowId b) { return accounts_.WeighsMore(a, b); };
  accounts_.KeepFirst(rows, before ? before : by_mrr);
  for (const facts::RowId row : rows) {
    v1::ReportAccount* account = list->add_accounts();
    *account = accounts_.Show(row);
    if (mrr == nullptr) continue;
    MoneyTotal shown;
    shown.Add((*mrr)[row]);
    *account->mutable_mrr() = accounts_.Money(shown);
  }
}

void AddRetentionFigures(AudienceReport& report, const std::string& prefix) {
  const RevenueTotals year = RevenueOver(report.accounts().facts(), report.accounts().rows(), 365);
  const auto add = [&](const char* id, const char* name, const char* definition, std::optional<double> value) {
    const std::string full = absl::StrCat(prefix, ".", id);
    report.Figure({full.c_str(), name, definition}, "ratio", value, year.start_accounts);
  };
  add("nrr_365d", "NRR, 365 days",
      "MRR today of the accounts that paid 365 days ago (start + expansion - contraction - churned + reactivated), as "
      "a share "
      "of what they paid then.",
      year.NetRetention());
  add("grr_365d", "GRR, 365 days",
      "The same without expansion and reactivation: what is left of each account's MRR of 365 days ago, never more "
      "than that.",
      year.GrossRetention());
  add("logo_churn_365d", "Logo churn, 365 days",
      "Accounts that paid 365 days ago and do not now, as a share of those that paid then.", year.LogoChurn());
}

}  // namespace perennial::segments
