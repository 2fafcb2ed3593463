#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_table.h"
#include "health-svc/rules/live_filter.h"
#include "health-svc/value/purchases.h"
#include "health-svc/value/retention.h"
#include "health-svc/value_terms.h"
#include "perennial/health/v1/value.pb.h"

namespace perennial::health {

// The model, with the covariance of its parameters, that a stored fit tells.
value::RetentionFit RetentionOf(const v1::RetentionFit& fit);

// What a retention model and a discount rate come to, by renewals made, so that a million accounts cost a million
// look-ups.
class RetentionTable {
 public:
  // `discount_rate` is that of a year.
  RetentionTable(const value::RetentionModel& model, int period_months, double discount_rate);

  struct Worth {
    double churn_12m = 0;
    double lifetime_months = 0;    // not discounted, over at most 1,200 periods
    double discounted_months = 0;  // months of margin that the payments to come are worth
  };
  // For a customer of so many days.
  [[nodiscard]] const Worth& Of(double tenure_days) const;

 private:
  double period_days_ = 0;
  std::vector<Worth> by_renewals_;
};

// Constant chance `churn_12m` to churn within a year, the same each month: see docs/value.md.
RetentionTable::Worth WorthAtConstantRate(double churn_12m, double discount_rate);

// A fitted churn model over columns of facts. Resolve() apart, all is const and safe for many threads.
class ChurnModel {
 public:
  explicit ChurnModel(const v1::ChurnFit& fit);

  // Looks facts up that the catalogue did not know before; whether one was found.
  bool Resolve(const facts::FactCatalogue& catalogue);
  // Calibrated log odds to churn within the horizon, and the share of the model's weight on known facts. The same for
  // a row whatever rows stand beside it, to the bit.
  void LogOdds(const facts::FactTable& table, absl::Span<const facts::RowId> rows, std::vector<double>& log_odds,
               std::vector<double>& coverage) const;
  // Within 12 months.
  [[nodiscard]] double Churn12m(double log_odds) const;
  // What each fact adds for one row, largest first.
  [[nodiscard]] std::vector<v1::ValueReason> Reasons(const facts::FactTable& table, facts::RowId row,
                                                     const facts::FactCatalogue& catalogue) const;

 private:
  struct Column {
    ChurnTerm term;
    double coefficient = 0;  // of calibrated log odds
    double mean = 0;
    double weight = 0;  // share of all weight
    std::optional<facts::FactId> fact = {};
    facts::FactType type = facts::FactType::kNumber;
  };
  void AddNumbers(const Column& column, const facts::FactTable& table, absl::Span<const facts::RowId> rows,
                  std::vector<double>& log_odds, std::vector<double>& coverage) const;
  void AddTexts(const Column& column, const facts::FactTable& table, absl::Span<const facts::RowId> rows,
                std::vector<double>& log_odds, std::vector<double>& coverage) const;

  std::vector<Column> columns_;
  double intercept_ = 0;
  double years_ = 1;  // horizons in a year
  std::size_t resolved_at_ = static_cast<std::size_t>(-1);
};

// What an account bought, in days since 1970.
struct Purchases {
  std::int32_t first_day = 0;
  std::int32_t last_day = 0;
  double repeats = 0;
  double mean_value = 0;  // of the repeats
};

// A fitted purchase model.
class PurchaseModel {
 public:
  explicit PurchaseModel(const v1::PurchaseFit& fit);

  [[nodiscard]] const std::string& metric() const { return metric_; }
  [[nodiscard]] bool has_spend() const { return spend_.has_value(); }
  struct Worth {
    double alive = 0;
    double purchases = 0;  // over the horizon
    double value = 0;      // of them, discounted, before margin; 0 without a model of spend
  };
  // As of a day, over a horizon; `discount_rate` is that of a year.
  [[nodiscard]] Worth Of(const Purchases& history, std::int64_t day, int horizon_months, double discount_rate) const;

 private:
  std::string metric_;
  double unit_days_ = 7;
  std::optional<value::BgNbd> bg_nbd_;
  std::optional<value::ParetoNbd> pareto_nbd_;
  std::optional<value::GammaGamma> spend_;
};

}  // namespace perennial::health
