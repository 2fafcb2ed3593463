#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"

namespace perennial::facts {

// Elements of a set fact: sorted, without duplicates.
using StringSet = std::vector<std::string>;

// A known value. Numbers, bools (0 or 1) and times (seconds since 1970) are doubles; the catalogue tells which is meant.
using FactValue = std::variant<double, std::string, StringSet>;

// The value as people read it: "214", "0.5", "true", "2024-12-31T00:00:00Z", "ADOPTION", "{a, b}".
std::string ToText(const FactValue& value, FactType type);

// Reads the facts of one account, wherever they are kept. Nothing is returned for an unknown fact.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // Of a number, bool or time.
  [[nodiscard]] virtual std::optional<double> Number(FactId fact) const = 0;
  // Of a string. The view lives as long as the row is unchanged.
  [[nodiscard]] virtual std::optional<absl::string_view> Text(FactId fact) const = 0;
  // Whether a set is known, and whether it has the element.
  [[nodiscard]] virtual bool HasSet(FactId fact) const = 0;
  [[nodiscard]] virtual bool SetContains(FactId fact, absl::string_view element) const = 0;
  // Elements of a set; none when it is unknown.
  [[nodiscard]] virtual StringSet Set(FactId fact) const = 0;
  // Number of the row in its table, for lookups of segment membership; nothing for a row outside a table.
  [[nodiscard]] virtual std::optional<std::uint32_t> row() const { return std::nullopt; }
};

// The facts of one account on their own: known values by ascending id.
class FactRow final : public RowReader {
 public:
  // Makes room for so many facts.
  void Reserve(std::size_t count) { values_.reserve(count); }
  // Facts may be set in any order; setting one again replaces it. Numbers that are not finite are left unknown.
  void SetNumber(FactId fact, double value);
  void SetText(FactId fact, std::string value);
  void SetSet(FactId fact, StringSet value);
  [[nodiscard]] const std::vector<std::pair<FactId, FactValue>>& values() const { return values_; }
  [[nodiscard]] const FactValue* Find(FactId fact) const;

  [[nodiscard]] std::optional<double> Number(FactId fact) const override;
  [[nodiscard]] std::optional<absl::string_view> Text(FactId fact) const override;
  [[nodiscard]] bool HasSet(FactId fact) const override;
  [[nodiscard]] bool SetContains(FactId fact, absl::string_view element) const override;
  [[nodiscard]] StringSet Set(FactId fact) const override;

  bool operator==(const FactRow& other) const { return values_ == other.values_; }

 private:
  void Put(FactId fact, FactValue value);
  std::vector<std::pair<FactId, FactValue>> values_;
};

}  // namespace perennial::facts
