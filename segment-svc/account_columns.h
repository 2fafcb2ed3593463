#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/facts/bitmap.h"
#include "roaring/roaring.hh"
#include "segment-svc/account_facts.h"

namespace perennial::segments {

// One number fact of all rows, looked up by name once. A fact that does not exist is unknown everywhere.
class NumberFact {
 public:
  // `facts` must outlive this and not change.
  NumberFact(const AccountFacts& facts, absl::string_view name) {
    if (const auto id = facts.catalogue().Find(name)) column_ = facts.table().numbers(*id);
  }
  [[nodiscard]] std::optional<double> operator[](facts::RowId row) const {
    if (column_ == nullptr || !column_->known.Test(row)) return std::nullopt;
    return column_->values[row];
  }
  [[nodiscard]] double Or(facts::RowId row, double otherwise) const { return (*this)[row].value_or(otherwise); }

 private:
  const facts::NumberColumn* column_ = nullptr;
};

// The same for a text; "" when unknown.
class TextFact {
 public:
  TextFact(const AccountFacts& facts, absl::string_view name) {
    if (const auto id = facts.catalogue().Find(name)) column_ = facts.table().texts(*id);
  }
  [[nodiscard]] const std::string& operator[](facts::RowId row) const {
    static const auto& unknown = *new std::string();
    if (column_ == nullptr || column_->codes[row] == 0) return unknown;
    return column_->dictionary.Text(column_->codes[row]);
  }
  // The same as a number below code_count(); 0 when unknown.
  [[nodiscard]] std::uint32_t Code(facts::RowId row) const { return column_ == nullptr ? 0 : column_->codes[row]; }
  [[nodiscard]] std::size_t code_count() const { return column_ == nullptr ? 1 : column_->dictionary.size(); }
  // Of a text; 0 when no row has it.
  [[nodiscard]] std::uint32_t CodeOf(absl::string_view text) const {
    return column_ == nullptr ? 0 : column_->dictionary.Find(text);
  }
  [[nodiscard]] const std::string& TextOf(std::uint32_t code) const {
    static const auto& unknown = *new std::string();
    return code == 0 ? unknown : column_->dictionary.Text(code);
  }

 private:
  const facts::TextColumn* column_ = nullptr;
};

// The rows of `members` that are live.
facts::Bitmap LiveRows(const AccountFacts& facts, const Roaring& members);

// At most `count` of `rows`, those of the highest MRR first, then by account id.
std::vector<facts::RowId> HighestMrr(const AccountFacts& facts, const facts::Bitmap& rows, std::size_t count);

}  // namespace perennial::segments
