#pragma once

#include <optional>

#include "accounts-svc/facts/fact_numbering.h"
#include "common/facts/fact_row.h"

namespace perennial::accounts {

// Numbers and flags of a row of facts while they are computed, whatever the row's form. Facts by this process's numbers.
class NumberRow {
 public:
  virtual ~NumberRow() = default;
  // A number that is absent or not finite leaves the fact unknown.
  virtual void Set(facts::FactId fact, std::optional<double> value) = 0;
  [[nodiscard]] virtual std::optional<double> Get(facts::FactId fact) const = 0;
};

// A row that is being built; no fact of it is set to unknown after it was known.
class FactRowNumbers final : public NumberRow {
 public:
  // `row` must outlive this.
  explicit FactRowNumbers(facts::FactRow& row) : row_(row) {}
  void Set(facts::FactId fact, std::optional<double> value) override {
    if (value.has_value()) row_.SetNumber(fact, *value);
  }
  [[nodiscard]] std::optional<double> Get(facts::FactId fact) const override { return row_.Number(fact); }

 private:
  facts::FactRow& row_;
};

}  // namespace perennial::accounts
