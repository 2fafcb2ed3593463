#include "health-svc/list_order.h"

#include <algorithm>
#include <bit>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace perennial::health {

absl::StatusOr<ListOrder> ParseListOrder(absl::string_view order_by, const std::vector<absl::string_view>& fields) {
  const std::vector<absl::string_view> words = absl::StrSplit(order_by, ' ', absl::SkipWhitespace());
  if (words.empty()) return ListOrder();
  const auto field = std::find(fields.begin(), fields.end(), words[0]);
  if (field != fields.end() && (words.size() == 1 || (words.size() == 2 && words[1] == "desc"))) {
    return ListOrder{.field = static_cast<std::size_t>(field - fields.begin()), .descending = words.size() == 2};
  }
  const std::vector<absl::string_view> all_but_last(fields.begin(), fields.end() - 1);
  return absl::InvalidArgumentError(absl::StrCat("must be ", absl::StrJoin(all_but_last, ", "), " or ", fields.back(),
                                                 ", optionally followed by desc"));
}

std::string ToCursor(const OrderKey& key) {
  return absl::StrCat(key.unknown ? "1" : "0", absl::Hex(std::bit_cast<std::uint64_t>(key.value), absl::kZeroPad16),
                      key.name);
}

absl::StatusOr<PagePicker> PagePicker::Create(const ListOrder& order, std::size_t page_size,
                                              const std::string& cursor) {
  PagePicker out(order, page_size);
  if (cursor.empty()) return out;
  std::uint64_t bits = 0;
  const absl::string_view text = cursor;
  if (text.size() < 18 || !absl::SimpleHexAtoi(text.substr(1, 16), &bits)) {
    return absl::InvalidArgumentError("is not a token of this request");
  }
  out.from_start_ = false;
  out.start_ = {.unknown = text[0] == '1', .value = std::bit_cast<double>(bits), .name = text.substr(17)};
  return out;
}

std::vector<facts::RowId> PagePicker::Take(std::string* next_cursor) {
  std::sort_heap(first_.begin(), first_.end(), before_);
  const bool more = first_.size() > page_size_;
  if (more) {
    first_.pop_back();
    *next_cursor = ToCursor(first_.back());
  }
  std::vector<facts::RowId> rows;
  rows.reserve(first_.size());
  for (const OrderKey& key : first_) rows.push_back(key.row);
  return rows;
}

}  // namespace perennial::health
