#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_table.h"

namespace perennial::health {

// An order of accounts: by one of the fields that a list has, of which the first is the name. Unknown values come last
// either way, equal ones by name.
struct ListOrder {
  std::size_t field = 0;
  bool descending = false;
};

// Reads order_by, of fields by their names; empty means the first. INVALID_ARGUMENT with a sentence that completes
// "order_by ...".
absl::StatusOr<ListOrder> ParseListOrder(absl::string_view order_by, const std::vector<absl::string_view>& fields);

// What an account is sorted by.
struct OrderKey {
  bool unknown = false;
  double value = 0;  // 0 in the order of names
  absl::string_view name;
  facts::RowId row = 0;
};

// Whether one key comes before another.
class OrderBefore {
 public:
  explicit OrderBefore(const ListOrder& order) : order_(order) {}
  bool operator()(const OrderKey& a, const OrderKey& b) const {
    if (a.unknown != b.unknown) return b.unknown;
    if (a.value != b.value) return order_.descending ? a.value > b.value : a.value < b.value;
    return order_.field == 0 && order_.descending ? a.name > b.name : a.name < b.name;
  }

 private:
  const ListOrder order_;
};

// Where the page after a key begins, as text.
std::string ToCursor(const OrderKey& key);

// Picks the page after a cursor among all keys that it is offered, without sorting them all.
class PagePicker {
 public:
  // INVALID_ARGUMENT for a cursor that ToCursor() did not make; empty is the start. `cursor` must outlive it.
  static absl::StatusOr<PagePicker> Create(const ListOrder& order, std::size_t page_size, const std::string& cursor);

  void Offer(const OrderKey& key) {
    if (!from_start_ && !before_(start_, key)) return;
    if (first_.size() > page_size_) {
      if (!before_(key, first_.front())) return;
      std::pop_heap(first_.begin(), first_.end(), before_);
      first_.pop_back();
    }
    first_.push_back(key);
    std::push_heap(first_.begin(), first_.end(), before_);
  }
  // The rows of the page in order. At the end, once; `next_cursor` stays empty on the last page.
  std::vector<facts::RowId> Take(std::string* next_cursor);

 private:
  PagePicker(const ListOrder& order, std::size_t page_size) : before_(order), page_size_(page_size) {}

  OrderBefore before_;
  std::size_t page_size_;
  bool from_start_ = true;
  OrderKey start_;
  std::vector<OrderKey> first_;  // a heap of the first page_size + 1, the last of them on top
};

}  // namespace perennial::health
