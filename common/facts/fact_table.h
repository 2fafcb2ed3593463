#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/facts/bitmap.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/facts/number_values.h"
#include "common/facts/text_list.h"

namespace perennial::facts {

using RowId = std::uint32_t;

// Texts by code. Code 0 stands for unknown; codes count from 1 and are never reused.
class Dictionary {
 public:
  std::uint32_t Intern(absl::string_view text) { return texts_.Add(text) + 1; }
  // 0 when it was never interned.
  [[nodiscard]] std::uint32_t Find(absl::string_view text) const {
    const auto number = texts_.Find(text);
    return number.has_value() ? *number + 1 : 0;
  }
  // Not of 0.
  [[nodiscard]] const std::string& Text(std::uint32_t code) const { return texts_[code - 1]; }
  // One more than the greatest code.
  [[nodiscard]] std::size_t size() const { return texts_.size() + 1; }

 private:
  TextList texts_;
};

// Numbers, bools (0 or 1) and times (seconds since 1970). An unknown value is 0 with its bit in `known` unset.
struct NumberColumn {
  NumberValues values;
  Bitmap known;
};

struct TextColumn {
  std::vector<std::uint32_t> codes;  // 0 is unknown
  Dictionary dictionary;
};

struct SetColumn {
  std::vector<std::vector<std::uint32_t>> codes;  // sorted by code
  Bitmap known;
  Dictionary dictionary;
};

// The facts of all accounts, one column a fact: what filters and scorecards run over. A row keeps its number for as long as
// the table lives; a deleted account's row is not live and has no facts. Columns that no row has a value of take no memory.
//
// Not thread-safe: its owner guards it (one writer, many readers).
class FactTable {
 public:
  // Row of the account, added when it is new; live from now on.
  RowId Upsert(absl::string_view account_id);
  // Row of the account if it is live.
  [[nodiscard]] std::optional<RowId> Find(absl::string_view account_id) const;
  // Row of the account, live or not.
  [[nodiscard]] std::optional<RowId> FindAny(absl::string_view account_id) const;
  // Takes all facts of a row away and makes it not live.
  void Delete(RowId row);

  [[nodiscard]] const std::string& account_id(RowId row) const { return account_ids_[row]; }
  [[nodiscard]] bool live(RowId row) const { return live_.Test(row); }
  [[nodiscard]] const Bitmap& live_rows() const { return live_; }
  // Rows, live or not.
  [[nodiscard]] std::size_t row_count() const { return account_ids_.size(); }
  [[nodiscard]] std::size_t live_count() const { return live_count_; }

  // Sets a fact, or makes it unknown with nullopt. `type` must be the fact's. Returns whether the value changed. Numbers
  // that are not finite count as unknown.
  bool SetNumber(RowId row, FactId fact, FactType type, std::optional<double> value);
  bool SetText(RowId row, FactId fact, std::optional<absl::string_view> value);
  bool SetSet(RowId row, FactId fact, const StringSet* value);

  // Makes the row's facts equal `facts` for the ids in `owned` (ascending; the facts of one origin); other ids stay.
  // Returns the ids that changed, ascending. `catalogue` gives the types.
  std::vector<FactId> Replace(RowId row, const FactRow& facts, const FactCatalogue& catalogue,
                              const std::vector<FactId>& owned);
  // The same where nobody asks what changed.
  void Overwrite(RowId row, const FactRow& facts, const FactCatalogue& catalogue, const std::vector<FactId>& owned);

  [[nodiscard]] std::optional<double> Number(RowId row, FactId fact) const;
  [[nodiscard]] std::optional<absl::string_view> Text(RowId row, FactId fact) const;
  // As a value for display; nothing when unknown.
  [[nodiscard]] std::optional<FactValue> Value(RowId row, FactId fact, FactType type) const;

  // A column, or null while no row ever had a value of it (everything unknown) or the fact is of another kind. Columns are
  // as long as row_count().
  [[nodiscard]] const NumberColumn* numbers(FactId fact) const;
  [[nodiscard]] const TextColumn* texts(FactId fact) const;
  [[nodiscard]] const SetColumn* sets(FactId fact) const;

 private:
  struct Column {
    std::unique_ptr<NumberColumn> numbers;
    std::unique_ptr<TextColumn> texts;
    std::unique_ptr<SetColumn> sets;
  };
  template <class Changed>
  void ReplaceEach(RowId row, const FactRow& facts, const FactCatalogue& catalogue, const std::vector<FactId>& owned,
                   Changed changed);
  Column& column(FactId fact);
  NumberColumn& MutableNumbers(FactId fact);
  TextColumn& MutableTexts(FactId fact);
  SetColumn& MutableSets(FactId fact);

  TextList account_ids_;  // by row
  Bitmap live_;
  std::size_t live_count_ = 0;
  std::vector<Column> columns_;
};

// One row of a table, for row-at-a-time evaluation.
class TableRow final : public RowReader {
 public:
  // `table` must outlive this.
  TableRow(const FactTable& table, RowId row) : table_(table), row_(row) {}
  [[nodiscard]] std::optional<double> Number(FactId fact) const override { return table_.Number(row_, fact); }
  [[nodiscard]] std::optional<absl::string_view> Text(FactId fact) const override { return table_.Text(row_, fact); }
  [[nodiscard]] bool HasSet(FactId fact) const override;
  [[nodiscard]] bool SetContains(FactId fact, absl::string_view element) const override;
  [[nodiscard]] StringSet Set(FactId fact) const override;
  [[nodiscard]] std::optional<std::uint32_t> row() const override { return row_; }

 private:
  const FactTable& table_;
  const RowId row_;
};

}  // namespace perennial::facts
