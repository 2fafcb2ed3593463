#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "perennial/segments/v1/portfolio_service.pb.h"
#include "segment-svc/ledger/retention.h"
#include "segment-svc/report/report_accounts.h"

namespace perennial::segments {

// A mean of what is known, in billionths: a sum of doubles would depend on the order of rows, which a restart changes.
class Mean {
 public:
  void Add(std::optional<double> value, double weight = 1);
  // Nothing when nothing is known.
  [[nodiscard]] std::optional<double> value() const;
  // How many values.
  [[nodiscard]] std::int64_t known() const { return known_; }

 private:
  MoneyTotal::Wide sum_ = 0;
  MoneyTotal::Wide weight_ = 0;
  std::int64_t known_ = 0;
};

// Pearson's correlation of two numbers; nothing for fewer than 3 pairs, and where one of them does not vary.
class Correlation {
 public:
  void Add(std::optional<double> x, std::optional<double> y);
  [[nodiscard]] std::optional<double> value() const;
  [[nodiscard]] std::int64_t known() const { return count_; }

 private:
  std::int64_t count_ = 0;
  double mean_x_ = 0, mean_y_ = 0, xx_ = 0, yy_ = 0, xy_ = 0;
};

// What a figure, table or list is called and how it is computed, in a sentence.
struct Heading {
  const char* id;
  const char* name;
  const char* definition;
};

// Parts of a report that rest on the ledger.
struct LedgerFigures {
  std::int64_t revision = 0;  // of the ledger
  // Calendar quarters, oldest first, the present one last; and what they are called.
  std::vector<RetentionTotals> quarters = {};
  std::vector<std::string> names = {};
  MoneyTotal revenue_365d = {};
};

// What a report for one audience is made with, and the response that it fills.
class AudienceReport {
 public:
  using Values = std::initializer_list<std::optional<double>>;
  using Before = std::function<bool(facts::RowId, facts::RowId)>;

  // Both must outlive this.
  AudienceReport(const ReportAccounts& accounts, v1::GetPortfolioReportResponse& response)
      : accounts_(accounts), response_(response) {}

  [[nodiscard]] const ReportAccounts& accounts() const { return accounts_; }
  // Live accounts.
  [[nodiscard]] std::vector<facts::RowId> Live() const;

  // `known` is how many accounts it rests on.
  void Figure(const Heading& heading, const char* unit, std::optional<double> value, std::int64_t known);
  void Figure(const Heading& heading, const char* unit, const Mean& mean) {
    Figure(heading, unit, mean.value(), mean.known());
  }
  void Amount(const Heading& heading, std::optional<MoneyTotal> amount, std::int64_t known);

  struct Column {
    const char* name;
    const char* unit;
  };
  // An empty table; its rows go to AddRow().
  v1::ReportTable* Table(const Heading& heading, std::initializer_list<Column> columns);
  void AddRow(v1::ReportTable* table, const std::string& key, const std::string& name, const Share& share,
              Values values);

  // The first of `rows` by `before`; nothing: by MRR, highest first. With `mrr` that is shown instead of what they pay now.
  void List(const Heading& heading, std::vector<facts::RowId> rows, const Before& before = nullptr,
            const NumberFact* mrr = nullptr);

 private:
  v1::ReportFigure* NewFigure(const Heading& heading, const char* unit, std::int64_t known);

  const ReportAccounts& accounts_;
  v1::GetPortfolioReportResponse& response_;
};

// Runs a step of a report at one moment, with changes held up: rows keep their numbers between steps, and what is known of
// them does not. Of a million accounts a step takes some hundredths of a second, so that nobody waits for a whole report.
using ReportStep = absl::FunctionRef<void(AudienceReport&)>;
using RunStep = absl::FunctionRef<void(ReportStep)>;

// What each audience looks at; docs/metrics.md says why.
void AddSuccessParts(RunStep run);
void AddProductParts(RunStep run);
void AddSalesParts(RunStep run);
void AddSupportParts(RunStep run);
// `ledger` is nothing until it has been read; `cost` what success cost over 365 days, nothing when nobody says.
void AddFinanceParts(RunStep run, const std::optional<LedgerFigures>& ledger, std::optional<Micros> cost);

// Net and gross retention and churn of logos over 365 days, with ids that begin with `prefix`, such as "success".
void AddRetentionFigures(AudienceReport& report, const std::string& prefix);

}  // namespace perennial::segments
