#include "accounts-svc/facts/packed_numbers.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace perennial::accounts {
namespace {

// Keys of the fields of PackedFacts, as they stand on the wire.
constexpr char kNumberIds = (5 << 3) | 2;
constexpr char kNumberValues = (6 << 3) | 2;

bool TakeVarint(absl::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

void PutVarint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Takes a field of that key from the front; an absent one is empty.
bool TakeField(char key, absl::string_view& bytes, absl::string_view& field) {
  field = {};
  if (bytes.empty() || bytes.front() != key) return true;
  bytes.remove_prefix(1);
  std::uint64_t size = 0;
  if (!TakeVarint(bytes, size) || size > bytes.size()) return false;
  field = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

}  // namespace

absl::StatusOr<PackedNumbers> PackedNumbers::Open(absl::string_view payload, const FactNumbering& numbering) {
  static_assert(sizeof(double) == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as on the wire");
  PackedNumbers row(numbering);
  absl::string_view ids;
  absl::string_view values;
  bool ok = TakeField(kNumberIds, payload, ids) && TakeField(kNumberValues, payload, values);
  row.ids_.reserve(values.size() / sizeof(double) + 1);
  while (ok && !ids.empty()) {
    std::uint64_t id = 0;
    ok = TakeVarint(ids, id) && (row.ids_.empty() || id > row.ids_.back()) && id <= std::numeric_limits<facts::FactId>::max();
    row.ids_.push_back(static_cast<facts::FactId>(id));
  }
  if (!ok || values.size() != row.ids_.size() * sizeof(double)) return absl::DataLossError("stored facts cannot be read");
  row.values_.resize(row.ids_.size());
  if (!values.empty()) std::memcpy(row.values_.data(), values.data(), values.size());
  row.tail_ = payload;
  return row;
}

void PackedNumbers::Set(facts::FactId fact, std::optional<double> value) {
  const facts::FactId id = numbering_->ToStored(fact);
  const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
  const auto number = values_.begin() + (at - ids_.begin());
  const bool known = at != ids_.end() && *at == id;
  if (!value.has_value() || !std::isfinite(*value)) {
    if (!known) return;
    ids_.erase(at);
    values_.erase(number);
  } else {
    const double normal = *value == 0 ? 0.0 : *value;  // -0 becomes 0
    if (known && *number == normal) return;
    if (known) {
      *number = normal;
    } else {
      ids_.insert(at, id);
      values_.insert(number, normal);
    }
  }
  changed_ = true;
}

std::optional<double> PackedNumbers::Get(facts::FactId fact) const {
  const facts::FactId id = numbering_->ToStored(fact);
  const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (at == ids_.end() || *at != id) return std::nullopt;
  return values_[static_cast<std::size_t>(at - ids_.begin())];
}

std::string PackedNumbers::Pack() const {
  std::string ids;
  for (const facts::FactId id : ids_) PutVarint(id, ids);
  const std::size_t bytes = values_.size() * sizeof(double);
  std::string payload;
  payload.reserve(ids.size() + bytes + tail_.size() + 12);
  if (!ids_.empty()) {
    payload.push_back(kNumberIds);
    PutVarint(ids.size(), payload);
    payload += ids;
    payload.push_back(kNumberValues);
    PutVarint(bytes, payload);
    payload.append(reinterpret_cast<const char*>(values_.data()), bytes);
  }
  payload.append(tail_.data(), tail_.size());
  return payload;
}

}  // namespace perennial::accounts
