#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "health-svc/value_terms.h"

namespace perennial::health {

// A number by which accounts are told apart at random, the same each time: from 0 to below 1.
double FractionOf(absl::string_view account, absl::string_view salt);

// Accounts as of dates, with the facts that a churn model may look at and whether they churned. Keeps at most so many
// rows: beyond that it keeps a random share of the accounts, all rows of each. Not thread-safe.
class ChurnRows {
 public:
  struct Row {
    double fraction = 0;  // of its account, for sampling
    double fold = 0;      // of its account, for splits
    int date = 0;         // which of the dates
    bool churned = false;
    // Known facts by ascending id; of a text, its number among `texts`.
    std::vector<std::pair<facts::FactId, double>> values = {};
  };

  // `wanted` are names of facts, or prefixes that end with "*"; empty means all that do not tell the outcome.
  // `catalogue` must outlive this; it may grow.
  ChurnRows(std::vector<std::string> wanted, const facts::FactCatalogue& catalogue, std::size_t most_rows)
      : wanted_(std::move(wanted)), catalogue_(catalogue), most_rows_(most_rows) {}

  void Add(const std::string& account, int date, bool churned, const facts::FactRow& facts);
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  // Keeps a share of the accounts only, at least one row.
  void Thin(double share);

  // Columns that rows (by place) tell something by: numbers, values of texts that are not too rare, and whether a fact
  // is unknown where that differs from what other facts say.
  [[nodiscard]] std::vector<ChurnTerm> TermsOf(const std::vector<std::size_t>& places) const;
  // Those columns of rows. An unknown number is NaN.
  [[nodiscard]] Eigen::MatrixXd Matrix(const std::vector<std::size_t>& places,
                                       const std::vector<ChurnTerm>& terms) const;

 private:
  struct Texts {
    std::vector<std::string> all;
    absl::flat_hash_map<std::string, std::size_t> numbers;
  };
  [[nodiscard]] bool Wants(facts::FactId fact);
  [[nodiscard]] static const double* ValueOf(const Row& row, facts::FactId fact);
  void AddTextTerms(facts::FactId fact, const std::vector<std::size_t>& places, std::vector<ChurnTerm>& terms) const;

  const std::vector<std::string> wanted_;
  const facts::FactCatalogue& catalogue_;
  const std::size_t most_rows_;
  double share_ = 1;
  std::vector<Row> rows_;
  std::vector<char> wants_;  // by fact: 0 not looked at yet, 1 no, 2 yes
  std::map<facts::FactId, Texts> texts_;
};

}  // namespace perennial::health
