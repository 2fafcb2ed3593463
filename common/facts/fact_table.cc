#include "common/facts/fact_table.h"

#include <algorithm>
#include <cmath>

namespace perennial::facts {

RowId FactTable::Upsert(absl::string_view account_id) {
  const std::size_t count = account_ids_.size();
  const RowId row = account_ids_.Add(account_id);
  if (row == count) {
    live_.Resize(account_ids_.size());
    for (Column& column : columns_) {
      if (column.numbers) {
        column.numbers->values.Resize(account_ids_.size());
        column.numbers->known.Resize(account_ids_.size());
      }
      if (column.texts) column.texts->codes.resize(account_ids_.size());
      if (column.sets) {
        column.sets->codes.resize(account_ids_.size());
        column.sets->known.Resize(account_ids_.size());
      }
    }
  }
  if (!live_.Test(row)) {
    live_.Set(row);
    ++live_count_;
  }
  return row;
}

std::optional<RowId> FactTable::FindAny(absl::string_view account_id) const {
  return account_ids_.Find(account_id);
}

std::optional<RowId> FactTable::Find(absl::string_view account_id) const {
  const auto row = FindAny(account_id);
  return row.has_value() && live_.Test(*row) ? row : std::nullopt;
}

void FactTable::Delete(RowId row) {
  for (Column& column : columns_) {
    if (column.numbers) {
      column.numbers->values.Set(row, 0);
      column.numbers->known.Reset(row);
    }
    if (column.texts) column.texts->codes[row] = 0;
    if (column.sets) {
      column.sets->codes[row].clear();
      column.sets->known.Reset(row);
    }
  }
  if (live_.Test(row)) {
    live_.Reset(row);
    --live_count_;
  }
}

FactTable::Column& FactTable::column(FactId fact) {
  if (fact >= columns_.size()) columns_.resize(fact + 1);
  return columns_[fact];
}

NumberColumn& FactTable::MutableNumbers(FactId fact) {
  Column& at = column(fact);
  if (!at.numbers) {
    at.numbers = std::make_unique<NumberColumn>();
    at.numbers->values.Resize(row_count());
    at.numbers->known.Resize(row_count());
  }
  return *at.numbers;
}

TextColumn& FactTable::MutableTexts(FactId fact) {
  Column& at = column(fact);
  if (!at.texts) {
    at.texts = std::make_unique<TextColumn>();
    at.texts->codes.resize(row_count());
  }
  return *at.texts;
}

SetColumn& FactTable::MutableSets(FactId fact) {
  Column& at = column(fact);
  if (!at.sets) {
    at.sets = std::make_unique<SetColumn>();
    at.sets->codes.resize(row_count());
    at.sets->known.Resize(row_count());
  }
  return *at.sets;
}

bool FactTable::SetNumber(RowId row, FactId fact, FactType, std::optional<double> value) {
  if (value.has_value() && !std::isfinite(*value)) value.reset();
  if (!value.has_value() && numbers(fact) == nullptr) return false;
  NumberColumn& at = MutableNumbers(fact);
  const bool was_known = at.known.Test(row);
  if (!value.has_value()) {
    at.values.Set(row, 0);
    at.known.Reset(row);
    return was_known;
  }
  if (was_known && at.values[row] == *value) return false;
  at.values.Set(row, *value);
  at.known.Set(row);
  return true;
}

bool FactTable::SetText(RowId row, FactId fact, std::optional<absl::string_view> value) {
  if (!value.has_value() && texts(fact) == nullptr) return false;
  TextColumn& at = MutableTexts(fact);
  const std::uint32_t code = value.has_value() ? at.dictionary.Intern(*value) : 0;
  if (at.codes[row] == code) return false;
  at.codes[row] = code;
  return true;
}

bool FactTable::SetSet(RowId row, FactId fact, const StringSet* value) {
  if (value == nullptr && sets(fact) == nullptr) return false;
  SetColumn& at = MutableSets(fact);
  const bool was_known = at.known.Test(row);
  std::vector<std::uint32_t> codes;
  if (value != nullptr) {
    for (const std::string& element : *value) codes.push_back(at.dictionary.Intern(element));
    std::sort(codes.begin(), codes.end());
    codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  }
  if (was_known == (value != nullptr) && at.codes[row] == codes) return false;
  at.codes[row] = std::move(codes);
  if (value != nullptr) {
    at.known.Set(row);
  } else {
    at.known.Reset(row);
  }
  return true;
}

std::vector<FactId> FactTable::Replace(RowId row, const FactRow& facts, const FactCatalogue& catalogue,
                                       const std::vector<FactId>& owned) {
  std::vector<FactId> changed;
  ReplaceEach(row, facts, catalogue, owned, [&](FactId fact) { changed.push_back(fact); });
  return changed;
}

void FactTable::Overwrite(RowId row, const FactRow& facts, const FactCatalogue& catalogue,
                          const std::vector<FactId>& owned) {
  ReplaceEach(row, facts, catalogue, owned, [](FactId) {});
}

template <class Changed>
void FactTable::ReplaceEach(RowId row, const FactRow& facts, const FactCatalogue& catalogue,
                            const std::vector<FactId>& owned, Changed changed) {
  auto next = facts.values().begin();
  const auto end = facts.values().end();
  for (const FactId fact : owned) {
    while (next != end && next->first < fact) ++next;
    const FactValue* value = next != end && next->first == fact ? &next->second : nullptr;
    bool different = false;
    switch (const FactType type = catalogue.Get(fact).type) {
      case FactType::kString:
        different = SetText(row, fact, value == nullptr ? std::nullopt
                                                        : std::optional<absl::string_view>(std::get<std::string>(*value)));
        break;
      case FactType::kStringSet:
        different = SetSet(row, fact, value == nullptr ? nullptr : &std::get<StringSet>(*value));
        break;
      default:
        different =
            SetNumber(row, fact, type, value == nullptr ? std::nullopt : std::optional<double>(std::get<double>(*value)));
    }
    if (different) changed(fact);
  }
}

std::optional<double> FactTable::Number(RowId row, FactId fact) const {
  const NumberColumn* at = numbers(fact);
  if (at == nullptr || !at->known.Test(row)) return std::nullopt;
  return at->values[row];
}

std::optional<absl::string_view> FactTable::Text(RowId row, FactId fact) const {
  const TextColumn* at = texts(fact);
  if (at == nullptr || at->codes[row] == 0) return std::nullopt;
  return at->dictionary.Text(at->codes[row]);
}

std::optional<FactValue> FactTable::Value(RowId row, FactId fact, FactType type) const {
  switch (type) {
    case FactType::kString: {
      const auto text = Text(row, fact);
      return text.has_value() ? std::optional<FactValue>(std::string(*text)) : std::nullopt;
    }
    case FactType::kStringSet: {
      const TableRow reader(*this, row);
      return reader.HasSet(fact) ? std::optional<FactValue>(reader.Set(fact)) : std::nullopt;
    }
    default: {
      const auto number = Number(row, fact);
      return number.has_value() ? std::optional<FactValue>(*number) : std::nullopt;
    }
  }
}

const NumberColumn* FactTable::numbers(FactId fact) const {
  return fact < columns_.size() ? columns_[fact].numbers.get() : nullptr;
}
const TextColumn* FactTable::texts(FactId fact) const {
  return fact < columns_.size() ? columns_[fact].texts.get() : nullptr;
}
const SetColumn* FactTable::sets(FactId fact) const {
  return fact < columns_.size() ? columns_[fact].sets.get() : nullptr;
}

bool TableRow::HasSet(FactId fact) const {
  const SetColumn* at = table_.sets(fact);
  return at != nullptr && at->known.Test(row_);
}

bool TableRow::SetContains(FactId fact, absl::string_view element) const {
  const SetColumn* at = table_.sets(fact);
  if (at == nullptr) return false;
  const std::uint32_t code = at->dictionary.Find(element);
  return code != 0 && std::binary_search(at->codes[row_].begin(), at->codes[row_].end(), code);
}

StringSet TableRow::Set(FactId fact) const {
  StringSet elements;
  const SetColumn* at = table_.sets(fact);
  if (at == nullptr) return elements;
  for (const std::uint32_t code : at->codes[row_]) elements.push_back(at->dictionary.Text(code));
  std::sort(elements.begin(), elements.end());
  return elements;
}

}  // namespace perennial::facts
