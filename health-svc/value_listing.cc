#include "health-svc/value_listing.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/money.h"
#include "common/base/status_macros.h"

namespace perennial::health {
namespace {

struct Key {
  bool unknown = false;
  double value = 0;
  absl::string_view name;
  facts::RowId row = 0;
};

class Before {
 public:
  explicit Before(const ValueOrder& order) : order_(order) {}
  bool operator()(const Key& a, const Key& b) const {
    if (a.unknown != b.unknown) return b.unknown;
    if (a.value != b.value) return order_.descending ? a.value > b.value : a.value < b.value;
    return order_.field == ValueOrder::Field::kName && order_.descending ? a.name > b.name : a.name < b.name;
  }

 private:
  const ValueOrder order_;
};

// Amounts are compared as they are told, so that lists of replicas go together.
double Rounded(double amount) { return NumberOfMicros(MicrosOfNumber(amount)); }

Key KeyOf(const Portfolio& portfolio, const ValueBook& book, const ValueOrder& order, facts::RowId row) {
  Key key{.name = portfolio.table().account_id(row), .row = row};
  if (order.field == ValueOrder::Field::kName) return key;
  const bool clv = order.field == ValueOrder::Field::kClv;
  const auto value = portfolio.table().Number(row, clv ? book.clv_fact() : book.churn_fact());
  key.unknown = !value.has_value();
  if (value.has_value()) key.value = clv ? Rounded(*value) : *value;
  return key;
}

// `name` views into the value.
Key KeyOf(const v1::CustomerValue& value, const ValueOrder& order) {
  absl::string_view name = value.name();
  (void)absl::ConsumePrefix(&name, "accounts/");
  (void)absl::ConsumeSuffix(&name, "/value");
  Key key{.name = name};
  if (order.field == ValueOrder::Field::kClv) {
    const auto amount = ParseAmount(value.clv().amount());
    key.unknown = !value.has_clv() || !amount.ok();
    if (!key.unknown) key.value = NumberOfMicros(*amount);
  } else if (order.field == ValueOrder::Field::kChurn) {
    key.unknown = !value.has_churn_probability_12m();
    key.value = value.churn_probability_12m();
  }
  return key;
}

std::string ToCursor(const Key& key) {
  return absl::StrCat(key.unknown ? "1" : "0", absl::Hex(std::bit_cast<std::uint64_t>(key.value), absl::kZeroPad16),
                      key.name);
}

// `name` views into the cursor.
absl::StatusOr<Key> FromCursor(absl::string_view cursor) {
  std::uint64_t bits = 0;
  if (cursor.size() < 18 || !absl::SimpleHexAtoi(cursor.substr(1, 16), &bits)) {
    return absl::InvalidArgumentError("is not a token of this request");
  }
  return Key{.unknown = cursor[0] == '1', .value = std::bit_cast<double>(bits), .name = cursor.substr(17)};
}

}  // namespace

std::string CursorAfter(const v1::CustomerValue& value, const ValueOrder& order) {
  return ToCursor(KeyOf(value, order));
}

bool ComesBefore(const v1::CustomerValue& a, const v1::CustomerValue& b, const ValueOrder& order) {
  return Before(order)(KeyOf(a, order), KeyOf(b, order));
}

absl::StatusOr<ValueOrder> ParseValueOrder(absl::string_view order_by) {
  const std::vector<absl::string_view> words = absl::StrSplit(order_by, ' ', absl::SkipWhitespace());
  ValueOrder order;
  if (words.empty()) return order;
  bool good = words.size() == 1 || (words.size() == 2 && words[1] == "desc");
  if (words[0] == "clv") {
    order.field = ValueOrder::Field::kClv;
  } else if (words[0] == "churn_probability_12m") {
    order.field = ValueOrder::Field::kChurn;
  } else {
    good = good && words[0] == "name";
  }
  if (!good)
    return absl::InvalidArgumentError("must be name, clv or churn_probability_12m, optionally followed by desc");
  order.descending = words.size() == 2;
  return order;
}

absl::StatusOr<ValuePage> PickPage(const Portfolio& portfolio, const ValueBook& book, const facts::Bitmap& rows,
                                   const ValueOrder& order, std::size_t page_size, const std::string& cursor) {
  Key start;
  if (!cursor.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(start, FromCursor(cursor));
  }
  const Before before(order);
  ValuePage page;
  std::vector<Key> first;  // a heap of the first page_size + 1, the last of them on top
  rows.ForEach([&](facts::RowId row) {
    if (!book.Has(row)) return;
    ++page.total;
    if (const auto clv = portfolio.table().Number(row, book.clv_fact())) {
      ++page.known;
      page.total_clv += *clv;
    }
    const Key key = KeyOf(portfolio, book, order, row);
    if (!cursor.empty() && !before(start, key)) return;
    if (first.size() > page_size) {
      if (!before(key, first.front())) return;
      std::pop_heap(first.begin(), first.end(), before);
      first.pop_back();
    }
    first.push_back(key);
    std::push_heap(first.begin(), first.end(), before);
  });
  std::sort_heap(first.begin(), first.end(), before);
  const bool more = first.size() > page_size;
  if (more) first.pop_back();
  for (const Key& key : first) page.rows.push_back(key.row);
  if (more) page.next_cursor = ToCursor(first.back());
  return page;
}

}  // namespace perennial::health
